# The same commands without just: ./run --help

set positional-arguments

# Everything that CI checks.
check:
    bash .ci/run

# The tests; arguments go to pytest.
test *ARGS:
    ./run test "$@"

# The benchmarks, such as: just bench append
bench *ARGS:
    ./run bench "$@"

# The service, on the Postgres that comes with it.
serve *ARGS:
    ./run serve "$@"

# Write the generated pages of docs/reference again.
docs:
    ./run docs

# Repair the formatting, and what lint can repair by itself.
format:
    ./run --version  # makes the environment when it is missing
    .venv/bin/ruff format . run
    .venv/bin/ruff check --fix . run

# Write requirements.lock anew from pyproject.toml. Needs uv.
lock:
    uv pip compile pyproject.toml --extra embedded --group dev --universal --python-version 3.11 \
        --generate-hashes --no-header --quiet --output-file requirements.lock
