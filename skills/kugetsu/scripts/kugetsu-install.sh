#!/bin/sh
# What installed the bash tool. It runs install.sh of its own checkout now, which installs the executable. Works sourced too.
(
# Three shells say which file they are reading; for the others there is file_being_read. As in install.sh.
# shellcheck disable=SC3028
SELF=${BASH_VERSION:+${BASH_SOURCE-}}
case ${KSH_VERSION-} in Version*) eval 'SELF=${.sh.file}' ;; esac
[ -z "${ZSH_VERSION-}" ] || eval 'SELF=${(%):-%x}; emulate sh'
SHELL_NAME=$0
set +ef

main() {
  if [ -z "$SELF" ]; then SELF=$(file_being_read); fi
  # Sourced, the arguments are those of the shell around us.
  # shellcheck disable=SC3013 # All seven shells have -ef.
  case ${ZSH_VERSION:+${ZSH_EVAL_CONTEXT-}} in
    *:file*) set -- ;;
    '') [ "$SHELL_NAME" -ef "$SELF" ] || set -- ;;
  esac
  installer=$(dirname -- "$SELF")/../../../install.sh
  if [ -n "$SELF" ] && grep -q '^MARK=.this is the installer of kugetsu.$' "$installer" 2>/dev/null; then
    echo 'note: kugetsu-install.sh is now install.sh, which installs one executable' >&2
    exec sh "$installer" "$@"
  fi
  echo 'error: Cannot find install.sh: kugetsu-install.sh works in a checkout of kugetsu' >&2
  echo '  try: cd to the checkout, then: sh install.sh' >&2
  exit 5
}

# Most shells keep the file open until they have read its end: not below 10, where redirections of others are.
file_being_read() {
  for open in "/proc/$$/fd"/[1-9][0-9]*; do
    if is_self "$open" && readlink -- "$open"; then return; fi
  done
  if is_self "$SHELL_NAME"; then printf '%s\n' "$SHELL_NAME"; fi
}

is_self() {
  [ -f "$1" ] && grep -q '^# What installed the bash tool\. It runs install\.sh ' "$1" 2>/dev/null
}

main "$@" )
