"""What about a program is not as usual: more requests, errors or failed proofs than it has had before."""
