"""What is measured, task by task: each asks the parser one question a picture and counts the answers."""
