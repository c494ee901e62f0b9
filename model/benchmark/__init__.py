"""What the network costs: operations, milliseconds, memory, and the same pictures through its peers."""
