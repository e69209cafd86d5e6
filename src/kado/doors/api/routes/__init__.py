"""The operations of the API, one file per subject. Routes translate; the rooms decide."""
