"""What a till takes from cards without a line: the allowance it is granted before, and how that is settled after."""
