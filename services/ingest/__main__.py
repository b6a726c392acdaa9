"""`python -m services.ingest`: the ingest service by itself."""

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.http.server import serve_by_itself

if __name__ == "__main__":
    serve_by_itself(create_app, Settings())
