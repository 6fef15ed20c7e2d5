"""The commands of ``understudy``, one a file. Each imports what is heavy when it runs."""
