#!/bin/sh
# What installed the bash tool. It runs install.sh of this checkout now, which installs the executable. Works sourced too.
(
# shellcheck disable=SC3028 # Only bash has it; elsewhere $0 has to do.
SELF=${BASH_SOURCE:-$0}
# To zsh, $0 is the file in both cases.
case ${ZSH_EVAL_CONTEXT-} in *:file*) CALLED=sourced ;; *) CALLED=${0##*/} ;; esac
case ${KSH_VERSION-} in Version*) eval 'SELF=${.sh.file}' ;; esac

main() {
  # Sourced, the arguments are those of the shell around us.
  case $CALLED in kugetsu-install.sh) ;; *) set -- ;; esac
  for folder in "$(dirname -- "$SELF")/../../.." .; do
    if grep -q '^MARK=.this is the installer of kugetsu.$' "$folder/install.sh" 2>/dev/null; then
      echo 'note: kugetsu-install.sh is now install.sh, which installs one executable' >&2
      exec sh "$folder/install.sh" "$@"
    fi
  done
  echo 'error: Cannot find install.sh: kugetsu-install.sh works in a checkout of kugetsu' >&2
  echo '  try: cd to the checkout, then: sh install.sh' >&2
  exit 5
}

main "$@" )
