# shellcheck shell=bash disable=SC2154 # one program with send, which checks it all
# Python, with the packages in requirements.txt, as `integration-tests/python` installs it.

# A link to its virtual environment.
python_files=$(named_for python "$producers/python/requirements.txt")

python_complete() { [ -x "$python_files/bin/python" ]; }

python_install() {
  local interpreter
  interpreter=$("$root/integration-tests/python" producers 9>&-) || fail "so there is no producer in Python"
  ln -sfn "${interpreter%/bin/python}" "$python_files"
}

python_send() { # ADDRESS DESTINATION MISTAKE COUNT
  # Not beside the sources.
  PYTHONDONTWRITEBYTECODE=1 exec "$python_files/bin/python" "$producers/python/producer.py" "$@"
}
