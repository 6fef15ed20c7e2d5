"""``python -m serve_app`` is ``understudy``."""

from serve_app.cli import main

main()
