"""What the sandbox pushes to the address of the account: delivery reports and the replies of people."""
