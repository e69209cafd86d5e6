"""How a program's cards look: colours, logo and picture, the same in mails, on pages, in wallets and on paper."""
