"""What the database says of how a server is: queues and their age, what nobody has looked at, copies, seals."""
