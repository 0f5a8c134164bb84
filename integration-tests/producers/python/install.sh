# shellcheck shell=bash disable=SC2154 # one program with send, which checks it all
# Python, with the packages in requirements.txt: `integration-tests/python` installs it, and knows
# what is complete.

python_complete() { python_interpreter=$("$root/integration-tests/python" producers); }

python_install() { fail "there is no Python for the producers"; }

python_send() { # ADDRESS DESTINATION MISTAKE COUNT
  # Not beside the sources.
  PYTHONDONTWRITEBYTECODE=1 exec "$python_interpreter" "$producers/python/producer.py" "$@"
}
