"""What the index of messages is made of: pieces of words, and where they occur. It knows no database."""
