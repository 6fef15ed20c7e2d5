"""Where rows come from: files, APIs, and the log of what was answered."""
