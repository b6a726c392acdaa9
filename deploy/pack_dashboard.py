"""`python -m deploy.pack_dashboard`: packs the scripts and styles that `npm run build` made, in the form in which browsers get them.

Zopfli gives gzip 5 % smaller than its best level, and the same bytes on each machine, so that what is committed can be compared with a fresh build.
"""

from zopfli import gzip

from services.query.http.dashboard_files import ASSETS, PACKED


def main() -> None:
    for path in [path for path in ASSETS.iterdir() if path.suffix in PACKED]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


if __name__ == "__main__":
    main()
