"""Starting Understudy on one machine: checks, Ray, Serve, and the words to the person who did it."""
