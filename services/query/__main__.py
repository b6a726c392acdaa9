"""`python -m services.query`: the query service by itself."""

from services.query.app import create_app
from services.query.settings import Settings
from shared.http.server import serve_by_itself

if __name__ == "__main__":
    serve_by_itself(create_app, Settings())
