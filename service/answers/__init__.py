"""What an answer is made of: masks in their formats, and pictures of them."""
