"""`python -m services.ingest`: the ingest service by itself."""

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.http.server import serve_from_command_line
from shared.settings import read_environment

if __name__ == "__main__":
    serve_from_command_line(create_app, read_environment(Settings))
