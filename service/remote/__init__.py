"""What the client is made of: pictures into requests, answers into results, trying again."""
