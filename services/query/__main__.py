"""`python -m services.query`: the query service by itself."""

from services.query.app import create_app
from services.query.settings import Settings
from shared.http.server import serve_from_command_line
from shared.settings import read_environment

if __name__ == "__main__":
    serve_from_command_line(create_app, read_environment(Settings))
