#!/bin/sh
# Installs kugetsu from a checkout: builds the executable and puts it in ~/.local/bin. See --help.
#
# It stands in one pair of parentheses, which a shell reads to their end before it does anything: a file that was
# cut off does nothing. They are a subshell too, so `. install.sh` neither ends nor changes the shell around it.
(
DENO=deno@2.9.6
BACKUP=kugetsu.bash-backup
MARK='this is the installer of kugetsu'
# shellcheck disable=SC3028 # Only bash has it; elsewhere $0 has to do.
SCRIPT=${BASH_SOURCE:-$0}
STAGED=
[ -z "${ZSH_VERSION-}" ] || emulate sh
set -u
trap '[ -z "$STAGED" ] || rm -f -- "$STAGED"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

main() {
  if is_sourced; then
    # The arguments belong to the shell around us. A shell of our own knows none of its aliases.
    for file in "$SCRIPT" ./install.sh; do
      if is_this_script "$file"; then exec sh "$file"; fi
    done
    set --
  fi
  read_options "$@"
  find_checkout
  find_target
  build
  install_executable
  tell_about_path
}

usage() {
  cat <<'TEXT'
Builds kugetsu in a checkout and installs it for the current user.

Usage: sh install.sh [--prefix DIR]

  --prefix DIR   install DIR/bin/kugetsu (default: ~/.local)
  --help         show this text

Needed: Node with npx. What was built before is used again while no source is newer. An executable that is
there already is replaced only by one that works; a shell script of that name is kept as kugetsu.bash-backup.
The state in ~/.kugetsu is left alone. No start-up file of a shell is changed.

Exit status: 0 installed, or there already; 2 bad usage; 5 something is missing or cannot be written.
TEXT
}

read_options() {
  PREFIX=
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix) [ $# -ge 2 ] || fail 2 '--prefix needs a folder' 'sh install.sh --help'; PREFIX=$2; shift ;;
      --prefix=*) PREFIX=${1#--prefix=} ;;
      -h | --help) usage; exit 0 ;;
      *) fail 2 "Cannot understand \"$1\"" 'sh install.sh --help' ;;
    esac
    if [ -z "$PREFIX" ]; then fail 2 '--prefix needs a folder' 'sh install.sh --help'; fi
    shift
  done
  if [ -z "$PREFIX" ]; then
    if [ -z "${HOME-}" ]; then fail 5 'Cannot tell where to install: HOME is not set' 'sh install.sh --prefix DIR'; fi
    PREFIX=$HOME/.local
  fi
}

# The checkout is where this script lies, or the current folder where a shell does not say.
find_checkout() {
  folder=.
  if is_this_script "$SCRIPT"; then folder=$(dirname -- "$SCRIPT"); fi
  CHECKOUT=$(CDPATH='' cd -- "$folder" && pwd -P) || fail 5 "Cannot enter \"$folder\"" 'cd to a checkout of kugetsu'
  for file in main.ts deno.json scripts/compile.ts; do
    [ -f "$CHECKOUT/$file" ] && continue
    fail 5 "Cannot find kugetsu's source in \"$CHECKOUT\": it has no $file" \
      'sh install.sh   (in a checkout of kugetsu)'
  done
  VERSION=$(sed -n 's/^  "version": "\([^"]*\)".*/\1/p' "$CHECKOUT/deno.json")
}

find_target() {
  mkdir -p -- "$PREFIX/bin" || fail 5 "Cannot make \"$PREFIX/bin\"" 'sh install.sh --prefix DIR'
  BIN=$(CDPATH='' cd -- "$PREFIX/bin" && pwd) || fail 5 "Cannot enter \"$PREFIX/bin\"" 'sh install.sh --prefix DIR'
  TARGET=$BIN/kugetsu
  [ -w "$BIN" ] || fail 5 "Cannot write in \"$BIN\"" 'sh install.sh --prefix DIR'
  [ ! -d "$TARGET" ] || fail 5 "Cannot install \"$TARGET\": it is a folder" 'sh install.sh --prefix DIR'
}

build() {
  BUILT=$CHECKOUT/dist/kugetsu
  is_stale || return 0
  for program in node npx; do
    command -v "$program" >/dev/null 2>&1 ||
      fail 5 "Cannot build: there is no $program on PATH" 'install Node (https://nodejs.org), then run this again'
  done
  say "Building kugetsu $VERSION in $CHECKOUT"
  (CDPATH='' cd -- "$CHECKOUT" && npx -y "$DENO" task compile) </dev/null >&2 ||
    fail 5 'Cannot build: see above. Nothing was installed' "cd \"$CHECKOUT\" && npx -y $DENO task compile"
  [ -f "$BUILT" ] || fail 5 "Cannot install: the build left no \"$BUILT\"" "npx -y $DENO task compile"
}

# Whether there is nothing built yet, or a file that the executable is made of is newer.
is_stale() {
  [ -f "$BUILT" ] || return 0
  set -- main.ts deno.json deno.lock scripts/compile.ts src plugins
  for file in "$@"; do
    shift
    if [ -e "$CHECKOUT/$file" ]; then set -- "$@" "$CHECKOUT/$file"; fi
  done
  newer=$(find "$@" -newer "$BUILT") || return 0
  [ -n "$newer" ]
}

# A copy is made beside the target and tried before it takes the target's name: what is there works or stays.
install_executable() {
  if cmp -s -- "$BUILT" "$TARGET" && [ -x "$TARGET" ]; then
    say "kugetsu $VERSION is in $BIN already."
    return
  fi
  sweep
  STAGED=$BIN/.kugetsu.$$.tmp
  { cp -- "$BUILT" "$STAGED" && chmod 755 "$STAGED"; } ||
    fail 5 "Cannot write in \"$BIN\": see above. What was there is unchanged" 'df, then run this again'
  sync "$STAGED" 2>/dev/null || : # Where it can be had: a power cut must not leave an empty file.
  answer=$("$STAGED" --version </dev/null) ||
    fail 5 "Cannot run programs in \"$BIN\". What was there is unchanged" 'sh install.sh --prefix DIR'
  [ "$answer" = "kugetsu $VERSION" ] ||
    fail 5 "Cannot install \"$BUILT\": it says \"$answer\", not \"kugetsu $VERSION\"" "rm \"$BUILT\", then run this again"
  keep_script
  mv -f -- "$STAGED" "$TARGET" || fail 5 "Cannot replace \"$TARGET\": see above" 'sh install.sh --prefix DIR'
  STAGED=
  say "Installed kugetsu $VERSION as $TARGET."
}

# A shell script that is called kugetsu is the tool before this one, or somebody's own: it is kept.
keep_script() {
  [ -f "$TARGET" ] && [ "$(head -c 2 -- "$TARGET" 2>/dev/null)" = '#!' ] || return 0
  kept=$BIN/$BACKUP
  count=1
  while [ -e "$kept" ] && ! cmp -s -- "$TARGET" "$kept"; do
    count=$((count + 1))
    kept=$BIN/$BACKUP.$count
  done
  if [ ! -e "$kept" ]; then
    { cp -p -- "$TARGET" "$kept.$$.tmp" && mv -f -- "$kept.$$.tmp" "$kept"; } || {
      rm -f -- "$kept.$$.tmp"
      fail 5 "Cannot keep \"$TARGET\" as \"$kept\": see above. What was there is unchanged" 'df, then run this again'
    }
  fi
  say "Kept the script that was there as $kept."
}

tell_about_path() {
  case :${PATH-}: in
    *:"$BIN":*) tell_about_others; say 'Next: kugetsu doctor'; return ;;
  esac
  shown=$BIN
  case $BIN in "${HOME:-/}"/*) shown="\$HOME${BIN#"$HOME"}" ;; esac
  say "$BIN is not on your PATH. Put this line where your shell reads it at its start:"
  say "  bash  ~/.bashrc                   export PATH=\"$shown:\$PATH\""
  say "  zsh   ~/.zshrc                    export PATH=\"$shown:\$PATH\""
  say "  fish  ~/.config/fish/config.fish  fish_add_path \"$shown\""
  say "  sh    ~/.profile                  export PATH=\"$shown:\$PATH\""
  say "Next: \"$TARGET\" doctor"
}

tell_about_others() {
  first=$(command -v kugetsu 2>/dev/null) || return 0
  [ "$first" = "$TARGET" ] || say "Note: another kugetsu comes first on your PATH: $first"
}

# Whether a shell reads this file as part of itself (`. install.sh`), rather than running it or being fed it.
is_sourced() {
  if [ -n "${ZSH_VERSION-}" ]; then
    case ${ZSH_EVAL_CONTEXT-} in *:file*) return 0 ;; *) return 1 ;; esac
  fi
  is_this_script "$0" && return 1
  case $- in
    *i*) return 0 ;;
    *s*) return 1 ;;
    *) return 0 ;;
  esac
}

is_this_script() {
  [ -f "$1" ] && grep -q "^MARK='$MARK'\$" "$1" 2>/dev/null
}

# Copies that a killed run left behind; those of a run that is under way stay.
sweep() {
  for left in "$BIN"/.kugetsu.*.tmp; do
    writer=${left#"$BIN"/.kugetsu.}
    kill -0 "${writer%.tmp}" 2>/dev/null || rm -f -- "$left"
  done
}

say() {
  printf '%s\n' "$1"
}

# fail STATUS MESSAGE NEXT
fail() {
  printf 'error: %s\n  try: %s\n' "$2" "$3" >&2
  exit "$1"
}

# The parenthesis that ends it all is what makes a complete file.
main "$@" )
