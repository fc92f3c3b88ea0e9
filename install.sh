#!/bin/sh
# Installs kugetsu for the current user. See --help; why it is as it is: docs/design/installer.md.
#
# It stands in one pair of parentheses, which a shell reads to their end before it does anything: a file that was
# cut off does nothing. They are a subshell too, so `. install.sh` neither ends nor changes the shell around it.
(
# A release fills in the next two: its version, and the sha256 of each of its files.
RELEASE=
RELEASE_SUMS=''
# Where releases are, unless --base-url or KUGETSU_BASE_URL says otherwise.
RELEASES=https://github.com/shoko/kugetsu/releases

DENO=deno@2.9.6
BACKUP=kugetsu.bash-backup
MARK='this is the installer of kugetsu'
BLOCK_BEGIN='# >>> kugetsu >>>'
BLOCK_END='# <<< kugetsu <<<'
NEWLINE='
'
# Three shells say which file they are reading; find_script has a way for the others.
# shellcheck disable=SC3028
SCRIPT=${BASH_VERSION:+${BASH_SOURCE-}}
case ${KSH_VERSION-} in Version*) eval 'SCRIPT=${.sh.file}' ;; esac
[ -z "${ZSH_VERSION-}" ] || eval 'SCRIPT=${(%):-%x}; emulate sh'
SHELL_NAME=$0
TEMP='' STAGED='' COPY='' LOCK='' KIND='' before='' ANOTHER=''
# What the shell around us has set is not meant for us.
set +aefvxC -u
IFS=$(printf ' \t\n.') IFS=${IFS%.}
trap 'clear_away' EXIT
trap 'end_by HUP 129' HUP
trap 'end_by INT 130' INT
trap 'end_by PIPE 141' PIPE
trap 'end_by TERM 143' TERM

main() {
  keep_absolute_path
  find_script
  if [ -n "$SOURCED" ]; then
    # The arguments belong to the shell around us. A shell of our own knows none of its aliases.
    if [ -n "$SCRIPT" ]; then exec sh "$SCRIPT"; fi
    set --
  fi
  case $SHELL_NAME in
    --?*) fail 2 "Cannot tell what \"$SHELL_NAME\" is for: the first word behind sh -c names the shell" "sh -c \"\$(…)\" sh $SHELL_NAME" ;;
  esac
  read_options "$@"
  find_bin
  case $ACTION in
    install) install_kugetsu ;;
    check) find_release && say "$VERSION" ;;
    rollback) roll_back ;;
    uninstall) uninstall_kugetsu ;;
  esac
}

usage() {
  cat <<TEXT
Installs kugetsu for the current user, as DIR/bin/kugetsu.

Usage: sh install.sh [options]

  --version V        install this version (default: the newest, or the one that
                     this installer came with)
  --prefix DIR       install below DIR (default: ~/.local)
  --bin-dir DIR      install right in DIR
  --base-url URL     where releases are: https://…, file:///…, or http:// on this
                     machine (default: KUGETSU_BASE_URL, or
                     $RELEASES)
  --from-checkout    build from the checkout that this script lies in; needs Node.
                     The default there, unless a version or an address is given
  --no-modify-path   leave the start-up files of the shells alone
  --completions      install the completion of bash, zsh and fish as well
  --skill            write the agent skill for opencode as well
  --dry-run          say what would be done, and change nothing
  --check            print the newest version, and change nothing
  --rollback         go back to the version before; again: forth
  --uninstall        take everything away but the state in ~/.kugetsu
  --purge            with --uninstall: the state too
  --yes              do not ask
  --help             show this text

What is there is replaced only by an executable whose sha256 is right and that
runs; it is kept as kugetsu.previous. A shell script of that name is kept as
kugetsu.bash-backup.

Exit status: 0 done, or nothing to do; 2 bad usage; 4 a turn is running;
5 something is missing, cannot be had or cannot be written; 9 refused: the
sha256 is wrong, or it was not confirmed.
TEXT
}

read_options() {
  ACTION=install VERSION='' PREFIX='' BIN='' BASE='' FROM_CHECKOUT='' MODIFY_PATH=1
  COMPLETIONS='' SKILL='' DRY='' PURGE='' YES=''
  while [ $# -gt 0 ]; do
    case $1 in
      --*=*)
        name=${1%%=*} value=${1#*=}
        shift
        set -- "$name" "$value" "$@"
        ;;
    esac
    case $1 in
      --version | --prefix | --bin-dir | --base-url)
        if [ $# -lt 2 ] || [ -z "$2" ]; then fail 2 "$1 needs a value" 'sh install.sh --help'; fi
        ;;
    esac
    case $1 in
      --version) VERSION=${2#v}; shift ;;
      --prefix) PREFIX=$2; shift ;;
      --bin-dir) BIN=$2; shift ;;
      --base-url) BASE=$2; shift ;;
      --from-checkout) FROM_CHECKOUT=1 ;;
      --no-modify-path) MODIFY_PATH='' ;;
      --completions) COMPLETIONS=1 ;;
      --skill) SKILL=1 ;;
      --dry-run) DRY=1 ;;
      --check | --rollback | --uninstall) choose_action "${1#--}" ;;
      --purge) PURGE=1 ;;
      -y | --yes) YES=1 ;;
      -h | --help) usage; exit 0 ;;
      *) fail 2 "Cannot understand \"$1\"" 'sh install.sh --help' ;;
    esac
    shift
  done
  check_options
}

choose_action() {
  [ "$ACTION" = install ] || fail 2 "Cannot do --$ACTION and --$1 at once" 'sh install.sh --help'
  ACTION=$1
}

check_options() {
  if [ -n "$PURGE" ] && [ "$ACTION" != uninstall ]; then
    fail 2 '--purge goes with --uninstall' 'sh install.sh --uninstall --purge'
  fi
  if [ -n "$FROM_CHECKOUT" ] && [ -n "$VERSION$BASE" ]; then
    fail 2 'Cannot both build from a checkout and get a release' 'sh install.sh --help'
  fi
  if [ -n "$VERSION" ]; then
    is_version "$VERSION" || fail 2 "Cannot install version \"$VERSION\": it is written like 1.2.3" 'sh install.sh --help'
    if [ "$ACTION" != install ]; then fail 2 "--version does not go with --$ACTION" 'sh install.sh --help'; fi
  fi
}

is_version() {
  case $1 in *[!0-9A-Za-z.+-]*) return 1 ;; [0-9]*.[0-9]*.[0-9]*) return 0 ;; *) return 1 ;; esac
}

find_bin() {
  if [ -z "$BIN" ]; then
    if [ -z "$PREFIX" ]; then
      if [ -z "${HOME-}" ]; then fail 5 'Cannot tell where to install: HOME is not set' 'sh install.sh --prefix DIR'; fi
      PREFIX=$HOME/.local
    fi
    BIN=${PREFIX%/}/bin
  fi
  case $BIN in /*) ;; *) BIN=$(pwd)/$BIN ;; esac
  set_bin "$BIN"
}

set_bin() {
  # Without the dots of a relative folder; what is not there yet has to do as it is.
  if [ -d "$1" ]; then BIN=$(CDPATH='' cd -- "$1" && pwd) || fail 5 "Cannot enter \"$1\"" 'sh install.sh --prefix DIR'; fi
  BIN=${BIN%/}
  TARGET=$BIN/kugetsu
  PREVIOUS=$BIN/kugetsu.previous
  SHARE=${BIN%/*}/share
}

# --- Installing ---

install_kugetsu() {
  choose_source
  if [ -n "$FROM_CHECKOUT" ]; then find_checkout; else find_release; fi
  if [ -n "$DRY" ]; then tell_plan; return; fi
  prepare_bin
  if [ -n "$FROM_CHECKOUT" ]; then install_build; else install_release; fi
  if [ -n "$COMPLETIONS" ]; then install_completions; fi
  if [ -n "$SKILL" ]; then install_skill; fi
  set_up_path
}

# A script that lies in a checkout builds, unless it was told what to get. One that is fed to a shell never does so by
# itself: the current folder may be anybody's.
choose_source() {
  if [ -z "$FROM_CHECKOUT$VERSION$BASE$RELEASE" ] && is_file_of_checkout; then FROM_CHECKOUT=1; fi
}

is_file_of_checkout() {
  [ -n "$SCRIPT" ] && [ -f "$(dirname -- "$SCRIPT")/scripts/compile.ts" ]
}

find_checkout() {
  folder=.
  if [ -n "$SCRIPT" ]; then folder=$(dirname -- "$SCRIPT"); fi
  CHECKOUT=$(CDPATH='' cd -- "$folder" && pwd -P) || fail 5 "Cannot enter \"$folder\"" 'cd to a checkout of kugetsu'
  for file in main.ts deno.json scripts/compile.ts; do
    [ -f "$CHECKOUT/$file" ] && continue
    fail 5 "Cannot find kugetsu's source in \"$CHECKOUT\": it has no $file" \
      'sh install.sh --from-checkout   (in a checkout of kugetsu)'
  done
  VERSION=$(sed -n 's/^  "version": "\([^"]*\)".*/\1/p' "$CHECKOUT/deno.json")
}

tell_plan() {
  if [ -z "$FROM_CHECKOUT" ] && [ "$(installed_version)" = "$VERSION" ]; then
    say "kugetsu $VERSION is in $BIN already."
  else
    if [ -n "$FROM_CHECKOUT" ]; then say "Would build kugetsu $VERSION in $CHECKOUT"; else say "Would get $(release_url)"; fi
    if is_script "$TARGET"; then say "Would keep the script that is there as $BIN/$BACKUP"; fi
    say "Would install kugetsu $VERSION as $TARGET"
  fi
  if [ -n "$COMPLETIONS" ]; then say "Would install completions below $SHARE"; fi
  if [ -n "$SKILL" ]; then say 'Would write the agent skill for opencode'; fi
  set_up_path
}

prepare_bin() {
  mkdir -p -- "$BIN" || fail 5 "Cannot make \"$BIN\"" 'sh install.sh --prefix DIR'
  set_bin "$BIN"
  need_writable_bin
  [ ! -d "$TARGET" ] || fail 5 "Cannot install \"$TARGET\": it is a folder" 'sh install.sh --prefix DIR'
}

need_writable_bin() {
  if [ -w "$BIN" ]; then return; fi
  case $ACTION in
    install) fail 5 "Cannot write in \"$BIN\"" 'sh install.sh --prefix DIR' ;;
    *) fail 5 "Cannot write in \"$BIN\". Nothing was changed" "ls -ld \"$BIN\"" ;;
  esac
}

install_build() {
  build_checkout
  if cmp -s -- "$BUILT" "$TARGET" && [ -x "$TARGET" ]; then
    say "kugetsu $VERSION is in $BIN already."
    return
  fi
  begin_staging
  cp -- "$BUILT" "$STAGED" || fail 5 "Cannot write in \"$BIN\": see above. What was there is unchanged" 'df, then run this again'
  KIND=
  place_staged "$BUILT"
}

install_release() {
  if [ "$(installed_version)" = "$VERSION" ]; then
    say "kugetsu $VERSION is in $BIN already."
    return
  fi
  url=$(release_url)
  say "Getting $url"
  fetch_file "$url" "$TEMP/archive"
  verify_archive
  begin_staging
  gzip -dc <"$TEMP/archive" >"$STAGED" || fail_to_unpack
  place_staged "$url"
}

fail_to_unpack() {
  if gzip -t <"$TEMP/archive" 2>/dev/null; then
    fail 5 "Cannot write in \"$BIN\": see above. What was there is unchanged" 'df, then run this again'
  fi
  fail 5 "Cannot unpack what came from \"$url\": it is not compressed by gzip. What was there is unchanged" 'sh install.sh --version V'
}

installed_version() {
  if [ ! -x "$TARGET" ] || is_script "$TARGET"; then return 0; fi
  answer=$("$TARGET" --version </dev/null 2>/dev/null) || return 0
  case $answer in 'kugetsu '*) say "${answer#kugetsu }" ;; esac
}

# --- Building in a checkout ---

build_checkout() {
  BUILT=$CHECKOUT/dist/kugetsu
  is_stale || return 0
  for program in node npx; do
    has "$program" ||
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
  set -- main.ts deno.json deno.lock install.sh scripts/compile.ts skills/kugetsu/SKILL.md src plugins
  for file in "$@"; do
    shift
    if [ -e "$CHECKOUT/$file" ]; then set -- "$@" "$CHECKOUT/$file"; fi
  done
  newer=$(find "$@" -newer "$BUILT") || return 0
  [ -n "$newer" ]
}

# --- Getting a release ---

# Sets BASE, KIND, VERSION and SUM: what is to be got, and the sha256 that it must have.
find_release() {
  BASE=${BASE:-${KUGETSU_BASE_URL:-$RELEASES}}
  BASE=${BASE%/}
  is_allowed_url "$BASE" || fail 2 "Cannot get releases from \"$BASE\": only https://, file:///, and http:// on this machine" 'sh install.sh --help'
  find_kind
  find_sha256
  has gzip || fail 5 'Cannot unpack a release: there is no gzip' 'install your system'\''s package gzip, then run this again'
  make_temp
  if [ -n "$RELEASE" ] && [ "${VERSION:-$RELEASE}" = "$RELEASE" ] && [ "$ACTION" = install ]; then
    VERSION=$RELEASE SUMS=$RELEASE_SUMS
  else
    fetch_sums
  fi
  SUM=$(sum_of "kugetsu-$VERSION-$KIND.gz")
  is_sha256 "$SUM" ||
    fail 5 "Cannot install kugetsu $VERSION: its checksums name nothing for $KIND" "see $BASE for what there is"
}

release_url() { say "$BASE/download/v$VERSION/kugetsu-$VERSION-$KIND.gz"; }

fetch_sums() {
  where=latest/download
  if [ -n "$VERSION" ]; then where=download/v$VERSION; fi
  refuse_blind_wget
  fetch_file "$BASE/$where/SHA256SUMS" "$TEMP/sums"
  SUMS=$(cat "$TEMP/sums")
  if [ -z "$VERSION" ]; then VERSION=$(newest_version); fi
  is_version "$VERSION" ||
    fail 5 "Cannot tell the newest version: \"$BASE/$where/SHA256SUMS\" names nothing for $KIND" 'sh install.sh --version V'
}

newest_version() {
  say "$SUMS" | while read -r sum name; do
    case $name in
      kugetsu-*-"$KIND".gz)
        name=${name#kugetsu-}
        say "${name%-"$KIND".gz}"
        break
        ;;
    esac
  done
}

# sum_of FILE: the sha256 that SUMS gives for exactly this name
sum_of() {
  say "$SUMS" | while read -r sum name; do
    if [ "$name" = "$1" ]; then say "$sum"; break; fi
  done
}

is_sha256() {
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  [ ${#1} -eq 64 ]
}

find_sha256() {
  for SHA256 in 'sha256sum' 'shasum -a 256' 'openssl dgst -sha256 -r'; do
    if has "${SHA256%% *}"; then return; fi
  done
  fail 5 'Cannot verify a release: there is no sha256sum, shasum or openssl. Nothing was installed' \
    'install your system'\''s package coreutils or openssl, then run this again'
}

verify_archive() {
  found=$($SHA256 <"$TEMP/archive") || fail 5 "Cannot verify the release: $SHA256 failed" 'run this again'
  if [ "${found%% *}" = "$SUM" ]; then return; fi
  what="its sha256 is \"${found%% *}\", not $SUM"
  [ -s "$TEMP/archive" ] || what='it is empty'
  case $(head -c 1 -- "$TEMP/archive" 2>/dev/null) in '<') what='it is a web page' ;; esac
  fail 9 "Refused to install what came from \"$url\": $what. What was there is unchanged" 'run this again; sh install.sh --base-url URL for a mirror'
}

# https, files, and http that does not leave this machine. No name or password in it: others see arguments.
is_allowed_url() {
  case $1 in file:///*) return 0 ;; https://?* | http://?*) ;; *) return 1 ;; esac
  host=${1#*://}
  host=${host%%/*}
  case $host in *@*) return 1 ;; esac
  case $1 in https://*) return 0 ;; esac
  case $host in
    localhost | 127.0.0.1 | '[::1]') return 0 ;;
    localhost:* | 127.0.0.1:* | '[::1]':*) case ${host##*:} in '' | *[!0-9]*) return 1 ;; *) return 0 ;; esac ;;
    *) return 1 ;;
  esac
}

# Busybox's wget does not check certificates: what it gets may be trusted only if its sha256 is known already.
refuse_blind_wget() {
  case $BASE in https://*) ;; *) return 0 ;; esac
  if has curl || is_gnu_wget; then return 0; fi
  has wget || return 0
  fail 5 'Cannot trust checksums that this wget gets: it does not check certificates' \
    "install curl, or get $BASE/latest/download/install.sh, which brings its checksums"
}

is_gnu_wget() {
  has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'
}

# fetch_file URL FILE
fetch_file() {
  case $1 in
    file:///*) cp -- "${1#file://}" "$2" 2>"$TEMP/said" ;;
    *)
      if has curl; then
        curl -q -fsSL --proto '=https,http' --proto-redir '=https' --retry 3 --connect-timeout 20 \
          --speed-limit 1 --speed-time 60 -o "$2" -- "$1" 2>"$TEMP/said"
      elif is_gnu_wget; then
        follow_with_wget "$1" "$2"
      elif has wget; then
        # Without a limit of time: the busybox of Debian 12 crashes over -T.
        wget -q -O "$2" "$1" 2>"$TEMP/said"
      else
        fail 5 'Cannot get anything: there is no curl and no wget on PATH' 'install curl, then run this again'
      fi
      ;;
  esac || fail 5 "Cannot get \"$1\": $(last_line "$TEMP/said"). What was there is unchanged" \
    'check the address and the network, then run this again'
}

# GNU wget follows a redirection from https to http without a word, so each step is looked at here.
follow_with_wget() {
  next=$1
  for step in 1 2 3 4 5 6; do
    wget --no-config -S -nv -T 60 -t 3 --max-redirect=0 -O "$2" -- "$next" 2>"$TEMP/said" && return 0
    lead=$(sed -n 's/^ *[Ll]ocation: *\([^ ]*\).*$/\1/p' "$TEMP/said" | tr -d '\r' | tail -n 1)
    origin=${next#*://}
    origin=${next%%://*}://${origin%%/*}
    case $lead in
      '') return 1 ;;
      *://*) next=$lead ;;
      //*) next=${next%%://*}:$lead ;;
      /*) next=$origin$lead ;;
      *) next=${next%/*}/$lead ;;
    esac
    case $next in https://*) ;; *) return 1 ;; esac
  done
  say "too many redirections (step $step)" >"$TEMP/said"
  return 1
}

# --- Which of the executables fits this machine ---

find_kind() {
  os=$(uname -s) machine=$(uname -m)
  case $os in
    Linux) KIND=linux ;;
    Darwin) KIND=darwin ;;
    *) fail 5 "Cannot install kugetsu on $os: there are executables for Linux and macOS" "see ${RELEASES%/releases}" ;;
  esac
  # A terminal under Rosetta says x86_64 on an Apple processor.
  if [ "$os" = Darwin ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then machine=arm64; fi
  if [ "$os" = Linux ] && [ "$(getconf LONG_BIT 2>/dev/null)" = 32 ]; then machine="32-bit $machine"; fi
  case $machine in
    x86_64 | amd64) KIND=$KIND-x64 ;;
    aarch64 | arm64) KIND=$KIND-arm64 ;;
    *) fail 5 "Cannot install kugetsu on a $machine processor: there are executables for x64 and arm64" "see ${RELEASES%/releases}" ;;
  esac
  if is_musl; then KIND=$KIND-musl; fi
  case $KIND in
    linux-x64) if ! grep -qw avx2 /proc/cpuinfo 2>/dev/null; then KIND=$KIND-baseline; fi ;;
  esac
}

is_musl() {
  [ "$os" = Linux ] || return 1
  if has ldd; then
    case $(ldd --version 2>&1) in *musl*) return 0 ;; *) return 1 ;; esac
  fi
  # Without ldd: whether musl's loader is there, and glibc's is not.
  found=
  for file in /lib/ld-musl-*; do if [ -e "$file" ]; then found=1; fi; done
  for file in /lib64/ld-linux-* /lib/ld-linux-*; do if [ -e "$file" ]; then found=; fi; done
  [ -n "$found" ]
}

# --- Putting it in place: a copy beside the target is tried before it takes the target's name ---

begin_staging() {
  sweep_bin
  STAGED=$BIN/.kugetsu.$$.tmp
  rm -f -- "$STAGED"
}

# place_staged ORIGIN
place_staged() {
  make_temp
  chmod 755 "$STAGED" || fail 5 "Cannot write in \"$BIN\": see above. What was there is unchanged" 'sh install.sh --prefix DIR'
  flush "$STAGED"
  try_executable "$STAGED" "$1"
  lock_bin
  # Another run may have put it there while this one got it.
  if cmp -s -- "$STAGED" "$TARGET" && [ -x "$TARGET" ]; then
    say "kugetsu $VERSION is in $BIN already."
    return
  fi
  before=$(installed_version)
  if is_script "$TARGET"; then keep_script; elif [ -f "$TARGET" ]; then keep_previous; fi
  take_place "$STAGED"
  STAGED=
  say "Installed kugetsu $VERSION as $TARGET${before:+ (before: $before)}."
  tell_about_running_turns
  read_state
}

# One at a time from here to the end: of two that put something in place at once, the second would keep the first one's as
# the version before. The lock is a link that names its holder and is made in one step; it outlasts no holder.
lock_bin() {
  if [ -n "$LOCK" ]; then return; fi
  make_temp
  lock=$BIN/.kugetsu.lock
  tries=0
  until ln -s "$$" "$lock" 2>"$TEMP/said"; do
    holder=$(readlink -- "$lock") || holder=
    # Ours: taken over, or left by a process of the same number.
    if [ "$holder" = "$$" ]; then break; fi
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then fail_to_lock; fi
    if [ -z "$holder" ]; then continue; fi
    if kill -0 "$holder" 2>/dev/null; then sleep 1; else take_lock_over; fi
  done
  LOCK=$lock
}

# Takes over from a holder that is gone. Only one may at a time, who makes the link that is called after that holder; and
# only if the lock is still held by it then, for somebody may have done so before.
take_lock_over() {
  heir=$lock.$holder
  if ln -s "$$" "$heir" 2>/dev/null; then
    if [ "$(readlink -- "$lock")" = "$holder" ]; then mv -f -- "$heir" "$lock"; else rm -f -- "$heir"; fi
  else
    other=$(readlink -- "$heir") || return 0
    if kill -0 "$other" 2>/dev/null; then sleep 1; else rm -f -- "$heir"; fi
  fi
}

fail_to_lock() {
  if [ -n "$holder" ]; then
    fail 5 "Cannot change \"$BIN\": another installer has been at work there for a minute (process $holder)" \
      "ps -p $holder; if that is none, delete \"$lock\""
  fi
  fail 5 "Cannot write in \"$BIN\": $(last_line "$TEMP/said"). What was there is unchanged" 'df, then run this again'
}

unlock_bin() {
  if [ -n "$LOCK" ]; then rm -f -- "$LOCK"; fi
  LOCK=
}

# try_executable FILE ORIGIN
try_executable() {
  code=0
  answer=$("$1" --version </dev/null 2>"$TEMP/said") || code=$?
  if [ "$code" = 0 ] && [ "$answer" = "kugetsu $VERSION" ]; then return; fi
  unchanged='What was there is unchanged'
  if [ "$code" = 0 ]; then
    fail 5 "Cannot install \"$2\": it says \"$answer\", not \"kugetsu $VERSION\". $unchanged" 'sh install.sh --help'
  fi
  if grep -q 'libstdc++\|libgcc_s' "$TEMP/said"; then
    fail 5 "Cannot run kugetsu: the C++ library libstdc++ is missing. $unchanged" \
      'apk add libstdc++   (or your system'\''s package of that name), then run this again'
  fi
  if [ "$code" = 132 ]; then
    fail 5 "Cannot run kugetsu: this processor lacks instructions that ${KIND:-the executable} needs. $unchanged" "see ${RELEASES%/releases}"
  fi
  if grep -qi 'exec format\|cannot execute\|not found' "$TEMP/said"; then
    fail 5 "Cannot run programs in \"$BIN\": \"$2\" is not for this machine. $unchanged" 'uname -sm'
  fi
  fail 5 "Cannot run programs in \"$BIN\": $(last_line "$TEMP/said") (status $code). $unchanged" 'sh install.sh --prefix DIR'
}

# A shell script that is called kugetsu is the tool before this one, or somebody's own: it is kept.
keep_script() {
  kept=$BIN/$BACKUP
  count=1
  while [ -e "$kept" ] && ! cmp -s -- "$TARGET" "$kept"; do
    count=$((count + 1))
    kept=$BIN/$BACKUP.$count
  done
  if [ ! -e "$kept" ]; then
    copy=$BIN/.kugetsu.$$.old.tmp
    { cp -p -- "$TARGET" "$copy" && mv -f -- "$copy" "$kept"; } || {
      rm -f -- "$copy"
      fail 5 "Cannot keep \"$TARGET\" as \"$kept\": see above. What was there is unchanged" 'df, then run this again'
    }
  fi
  say "Kept the script that was there as $kept."
}

keep_previous() {
  # After a run that was killed here the two may be one file, which mv refuses to move.
  if cmp -s -- "$TARGET" "$PREVIOUS"; then return; fi
  copy=$BIN/.kugetsu.$$.old.tmp
  { link_or_copy "$TARGET" "$copy" && mv -f -- "$copy" "$PREVIOUS"; } || {
    rm -f -- "$copy"
    fail 5 "Cannot keep \"$TARGET\" as \"$PREVIOUS\": see above. What was there is unchanged" 'df, then run this again'
  }
}

link_or_copy() {
  rm -f -- "$2"
  if [ ! -L "$1" ] && ln -- "$1" "$2" 2>/dev/null; then return; fi
  cp -p -- "$1" "$2"
}

take_place() {
  mv -f -- "$1" "$TARGET" || fail 5 "Cannot replace \"$TARGET\": see above" 'sh install.sh --prefix DIR'
  flush "$BIN"
}

roll_back() {
  if [ ! -f "$PREVIOUS" ]; then
    if [ -f "$BIN/$BACKUP" ]; then
      fail 5 "Cannot go back: before this kugetsu there was a script, which is kept as \"$BIN/$BACKUP\"" 'sh install.sh --uninstall'
    fi
    fail 5 "Cannot go back: there is no \"$PREVIOUS\"" 'sh install.sh --version V'
  fi
  need_writable_bin
  make_temp
  answer=$("$PREVIOUS" --version </dev/null 2>"$TEMP/said") ||
    fail 5 "Cannot go back: \"$PREVIOUS\" does not run" 'sh install.sh --version V'
  VERSION=${answer#kugetsu }
  if cmp -s -- "$TARGET" "$PREVIOUS"; then
    fail 5 "Cannot go back: \"$PREVIOUS\" is the same kugetsu $VERSION" 'sh install.sh --version V'
  fi
  if [ -n "$DRY" ]; then say "Would go back to kugetsu $VERSION"; return; fi
  lock_bin
  before=$(installed_version)
  begin_staging
  link_or_copy "$PREVIOUS" "$STAGED" || fail 5 "Cannot write in \"$BIN\": see above" 'df, then run this again'
  if is_script "$TARGET"; then keep_script; elif [ -f "$TARGET" ]; then keep_previous; fi
  take_place "$STAGED"
  rm -f -- "$STAGED"
  STAGED=
  say "Went back to kugetsu $VERSION${before:+ (before: $before)}."
  tell_about_running_turns
}

# Copies that a killed run left behind; those of a run that is under way stay.
sweep_bin() {
  for left in "$BIN"/.kugetsu.*.tmp; do
    writer=${left#"$BIN"/.kugetsu.}
    kill -0 "${writer%%.*}" 2>/dev/null || rm -f -- "$left"
  done
}

# --- What works with the executable now. Replacing it by rename harms no turn: each goes on with the file that it began with ---

running_turns() {
  if [ ! -x "$TARGET" ] || is_script "$TARGET"; then say 0; return; fi
  listed=$("$TARGET" list --json </dev/null 2>/dev/null) || return 1
  say "$listed" | grep -cE '"state": *"(queued|starting|running)"' || :
}

tell_about_running_turns() {
  count=$(running_turns) || return 0
  case $count in 0 | *[!0-9]*) ;; *) say "Turns that are running now ($count) go on with the version that they began with." ;; esac
}

# The state folder of the bash tool, or of an older version, is used as it is: see that it can be.
read_state() {
  state=${KUGETSU_HOME:-${HOME-}/.kugetsu}
  [ -f "$state/index.json" ] || return 0
  if "$TARGET" list --json </dev/null >/dev/null 2>"$TEMP/said"; then
    say "Its state in $state is read as it is."
  else
    say "Note: the state in $state cannot be read as it is. Run: \"$TARGET\" doctor"
  fi
}

# --- Completions and the skill ---

install_completions() {
  # Where bash-completion and fish look below ~/.local/share; zsh has to be told.
  write_completion bash "$SHARE/bash-completion/completions" kugetsu
  write_completion fish "$SHARE/fish/vendor_completions.d" kugetsu.fish
  write_completion zsh "$SHARE/zsh/site-functions" _kugetsu
  say "Installed completions below $SHARE. For zsh put this before compinit: fpath=($(quoted "$SHARE/zsh/site-functions") \$fpath)"
}

# write_completion SHELL FOLDER FILE
write_completion() {
  { mkdir -p -- "$2" && begin_copy "$2/$3" && "$TARGET" completions "$1" </dev/null >"$COPY" && end_copy; } ||
    fail 5 "Cannot write \"$2/$3\": see above. kugetsu itself is installed" "\"$TARGET\" completions $1"
}

install_skill() {
  "$TARGET" skill install </dev/null || fail 5 'Cannot write the agent skill: see above. kugetsu itself is installed' "\"$TARGET\" skill install"
}

# --- PATH ---

set_up_path() {
  NEXT='kugetsu doctor'
  case :${PATH-}: in
    *:"$BIN":*) tell_about_others ;;
    *) extend_path ;;
  esac
  if [ -z "$DRY" ]; then say "Next: $NEXT"; fi
}

tell_about_others() {
  first=$(command -v kugetsu 2>/dev/null) || return 0
  [ "$first" = "$TARGET" ] || say "Note: another kugetsu comes first on your PATH: $first"
}

extend_path() {
  NEXT="\"$TARGET\" doctor"
  case $BIN in
    *:*) say "Note: \"$BIN\" cannot be on PATH, for it has a colon in it."; return ;;
  esac
  make_path_lines
  if [ -z "$MODIFY_PATH" ]; then say "Note: $BIN is not on your PATH."; return; fi
  MISSED=
  if [ -z "$DRY" ]; then lock_bin; fi
  if [ -n "${HOME-}" ]; then edit_start_up_files; else MISSED=1; fi
  if [ -n "$MISSED" ]; then tell_path_lines; else NEXT="$again, then: kugetsu doctor"; fi
}

make_path_lines() {
  shown=$(quoted "$BIN")
  LINE="case \":\$PATH:\" in *:$shown:*) ;; *) export PATH=$shown:\"\$PATH\" ;; esac"
  FISH_LINE="contains -- $shown \$PATH; or set -gx PATH $shown \$PATH"
}

tell_path_lines() {
  say "$BIN is not on your PATH. Put this line where your shell reads it at its start:"
  say "  bash  ~/.bashrc                   export PATH=$shown:\"\$PATH\""
  say "  zsh   ~/.zshrc                    export PATH=$shown:\"\$PATH\""
  say "  fish  ~/.config/fish/config.fish  fish_add_path $shown"
  say "  sh    ~/.profile                  export PATH=$shown:\"\$PATH\""
  say "  csh   ~/.cshrc                    set path = ($shown \$path)"
}

# The files that are there and that a shell reads, and those that the user's own shell would read. Sets MISSED where that
# one may not find kugetsu afterwards, and otherwise `again`: what lets it read them.
edit_start_up_files() {
  own=${SHELL-}
  own=${own##*/}
  again='open a new shell'
  login=
  for name in .bash_profile .bash_login .profile; do
    if [ -f "$HOME/$name" ]; then login=1; add_line "$HOME/$name" "$LINE"; fi
  done
  zshrc=${ZDOTDIR:-$HOME}/.zshrc
  fish=${XDG_CONFIG_HOME:-$HOME/.config}/fish
  if [ -f "$HOME/.bashrc" ] || [ "$own" = bash ]; then add_line "$HOME/.bashrc" "$LINE"; fi
  if [ -f "$zshrc" ] || [ "$own" = zsh ]; then add_line "$zshrc" "$LINE"; fi
  if [ -d "$fish" ] || [ "$own" = fish ]; then
    [ -n "$DRY" ] || mkdir -p -- "$fish/conf.d" 2>/dev/null
    add_line "$fish/conf.d/kugetsu.fish" "$FISH_LINE"
  fi
  case $own in
    zsh | fish) ;;
    bash) if [ -z "$login" ]; then add_line "$HOME/.profile" "$LINE"; fi ;;
    # These read no file but this one, and only at a login.
    '' | sh | ash | dash | yash | *ksh*)
      again='log in again'
      if [ ! -f "$HOME/.profile" ]; then add_line "$HOME/.profile" "$LINE"; fi
      ;;
    *) MISSED=1 ;;
  esac
}

# add_line FILE LINE: once, and never half. It stands in a block between two marks, one line for each folder that kugetsu
# was installed in; the first mark says what else has to be taken back.
add_line() {
  if grep -qxF -e "$2" "$1" 2>/dev/null; then return; fi
  block=
  if find_block "$1"; then
    if [ -z "$to" ]; then MISSED=1; tell_changed_block "$1"; return; fi
  else
    also='' start=''
    if [ ! -e "$1" ]; then
      also=' (new file)'
    elif [ -n "$(tail -c 1 -- "$1" | tr '\n' ' ' | tr -d ' ')" ]; then
      also=' (after an unended line)' start=$NEWLINE
    fi
    block="$start$BLOCK_BEGIN$also by kugetsu's installer; kugetsu uninstall takes it away$NEWLINE$2$NEWLINE$BLOCK_END"
  fi
  if [ -n "$DRY" ]; then say "Would add to $1: $2"; return; fi
  if begin_copy "$1" && copy_with_line "$1" "$2" && grep -qxF -e "$2" "$COPY" && grep -qF "$BLOCK_END" "$COPY" && end_copy; then
    say "Added $BIN to PATH in $1"
  else
    drop_copy
    MISSED=1
    say "Note: \"$1\" cannot be changed."
  fi
}

copy_with_line() {
  if [ -n "$block" ]; then printf '%s\n' "$block" >>"$COPY"; return; fi
  { sed "$to,\$d" <"$1" && printf '%s\n' "$2" && sed -n "$to,\$p" <"$1"; } >"$COPY"
}

# take_line FILE LINE: the line of this folder, and the block with the last one; what stands around stays byte for byte.
# Sets ANOTHER where there are lines of other folders.
take_line() {
  find_block "$1" || return 0
  if [ -z "$to" ]; then tell_changed_block "$1"; return; fi
  at=$(sed -n "$from,${to}p" <"$1" | grep -nxF -e "$2") || at=
  if [ -z "$at" ] && [ "$((to - from))" -gt 1 ]; then ANOTHER=1; return; fi
  if [ "$((to - from))" -le 2 ]; then
    cut=$from,$to
  else
    ANOTHER=1
    cut=$((from + ${at%%:*} - 1))
  fi
  if begin_copy "$1" && copy_without_lines "$1" && end_copy; then
    case $first in *'(new file)'*) if [ ! -s "$1" ]; then rm -f -- "$1"; fi ;; esac
    say "Took $BIN off PATH in $1"
  else
    drop_copy
    say "Note: \"$1\" cannot be changed. Its lines of kugetsu are left to you."
  fi
}

copy_without_lines() {
  sed "${cut}d" <"$1" >"$COPY" || return 1
  case $cut$first in
    *,*'(after an unended line)'*) if [ "$to" -ge "$(wc -l <"$1")" ]; then drop_last_byte "$1" "$from"; fi ;;
  esac
}

# find_block FILE: sets from and to, the lines of its marks; to is empty where somebody changed them. False without any.
find_block() {
  first=$(grep -nF "$BLOCK_BEGIN" "$1" 2>/dev/null) || return 1
  last=$(grep -nF "$BLOCK_END" "$1") || last=
  case $first$last in *"$NEWLINE"*) last= ;; esac
  from=${first%%:*} to=${last%%:*}
  if [ -n "$to" ] && [ "$from" -gt "$to" ]; then to=; fi
}

tell_changed_block() {
  say "Note: the lines of kugetsu in \"$1\" were changed. They are left to you."
}

# drop_last_byte FILE LINE: what stands in FILE before LINE, without the end of its last line
drop_last_byte() {
  size=$(sed "$2,\$d" <"$1" | wc -c)
  head -c $((size - 1)) <"$1" >"$COPY"
}

# begin_copy FILE makes COPY beside the file that FILE is or points to, with its rights; end_copy lets it take its place.
begin_copy() {
  REAL=$1
  for step in 1 2 3 4 5 6 7 8; do
    if [ ! -L "$REAL" ]; then break; fi
    link=$(readlink -- "$REAL") || return 1
    case $link in /*) REAL=$link ;; *) REAL=$(dirname -- "$REAL")/$link ;; esac
  done
  [ ! -L "$REAL" ] || return "$step"
  for left in "$REAL".kugetsu.*.tmp; do
    writer=${left#"$REAL".kugetsu.}
    kill -0 "${writer%%.*}" 2>/dev/null || rm -f -- "$left" 2>/dev/null
  done
  COPY=$REAL.kugetsu.$$.tmp
  if [ -e "$REAL" ]; then
    cp -p -- "$REAL" "$COPY" 2>/dev/null
  else
    { true >"$COPY"; } 2>/dev/null
  fi || return 1
  locked=
  if [ ! -w "$COPY" ]; then locked=1; chmod u+w "$COPY"; fi
}

end_copy() {
  if [ -n "$locked" ]; then chmod u-w "$COPY"; fi
  flush "$COPY"
  mv -f -- "$COPY" "$REAL" || return 1
  COPY=
}

drop_copy() {
  if [ -n "$COPY" ]; then rm -f -- "$COPY"; fi
  COPY=
}

# A word for a shell: below HOME as "$HOME/…" where nothing in it has a meaning, otherwise in single quotes.
quoted() {
  case ${1#"${HOME:-/}"/} in
    "$1" | *[!A-Za-z0-9_./@%+-]*) printf "'%s'\n" "$(say "$1" | sed "s/'/'\\\\''/g")" ;;
    *) say "\"\$HOME${1#"$HOME"}\"" ;;
  esac
}

# --- Taking it away ---

uninstall_kugetsu() {
  make_temp
  state=${KUGETSU_HOME:-${HOME-}/.kugetsu}
  installed=1
  if [ ! -e "$PREVIOUS" ] && { [ ! -e "$TARGET" ] || is_script "$TARGET"; }; then
    installed=
    say "There is no kugetsu in $BIN."
  fi
  count=$(running_turns) || count=
  case $count in
    0) ;;
    '') if [ -n "$PURGE" ]; then refuse_purge; fi ;;
    *) fail 4 "Cannot uninstall: turns are running ($count)" "\"$TARGET\" list" ;;
  esac
  if [ -d "$BIN" ]; then need_writable_bin; fi
  if [ -n "$DRY" ]; then say "Would take away $TARGET${PURGE:+ and $state}"; return; fi
  if [ -n "$installed$PURGE" ]; then confirm_uninstall; fi
  end_background
  if [ -d "$BIN" ]; then lock_bin; fi
  take_path_away
  take_extras_away
  rm -f -- "$PREVIOUS" || fail 5 "Cannot delete \"$PREVIOUS\": see above" 'run this again'
  if ! is_script "$TARGET"; then
    if [ -f "$BIN/$BACKUP" ]; then
      mv -f -- "$BIN/$BACKUP" "$TARGET" || fail 5 "Cannot put \"$BIN/$BACKUP\" back: see above" 'run this again'
      say "Put the script back that was there before, as $TARGET."
    else
      rm -f -- "$TARGET" || fail 5 "Cannot delete \"$TARGET\": see above" 'run this again'
    fi
  fi
  for left in "$BIN/$BACKUP"*; do
    if [ -e "$left" ]; then say "Left $left, a script that was there before"; fi
  done
  if [ -d "$BIN" ]; then sweep_bin; fi
  unlock_bin
  rmdir -- "$BIN" 2>/dev/null
  if [ -n "$PURGE" ]; then purge_state; elif [ -d "$state" ]; then say "The state in $state is left."; fi
  if [ -n "$installed" ]; then say 'Uninstalled kugetsu.'; fi
}

refuse_purge() {
  way="\"$TARGET\" doctor"
  if [ -z "$(installed_version)" ]; then way="sh install.sh --uninstall, then delete \"$state\" yourself"; fi
  fail 9 "Refused to delete \"$state\": cannot tell whether turns are running" "$way"
}

confirm_uninstall() {
  if [ -n "$YES" ]; then return; fi
  question="Really uninstall kugetsu${PURGE:+ and delete $state}? [y/N] "
  reply=
  if [ -t 0 ]; then
    printf '%s' "$question" >&2
    read -r reply
  elif { true </dev/tty; } 2>/dev/null; then
    printf '%s' "$question" >&2
    read -r reply </dev/tty
  fi
  case $reply in
    [yY] | [yY][eE][sS]) ;;
    *) fail 9 'Refused to uninstall: it was not confirmed' 'sh install.sh --uninstall --yes' ;;
  esac
}

# What stays behind would go on with an executable that is gone, or be started by systemd with each login. One that
# cannot end it is no obstacle, and what belongs to another executable is left alone.
end_background() {
  if [ ! -x "$TARGET" ] || is_script "$TARGET"; then return; fi
  units=${XDG_CONFIG_HOME:-${HOME-}/.config}/systemd/user
  unit=$units/kugetsu.service
  real=$(readlink -f -- "$TARGET" 2>/dev/null) || real=$TARGET
  if ! grep -q "$UNIT_MARK" "$unit" 2>/dev/null || ! grep -qF -e "ExecStart=\"$TARGET\"" -e "ExecStart=\"$real\"" "$unit"; then unit=; fi
  served=${unit:+$(sed -n 's/^Environment="KUGETSU_HOME=\(.*\)"$/\1/p' "$unit")}
  for folder in "$state" "$served"; do
    told=0
    if [ -n "$folder" ]; then KUGETSU_HOME=$folder "$TARGET" supervisor stop </dev/null >/dev/null 2>&1 || told=$?; fi
    if [ "$told" -eq 4 ]; then fail 4 "Cannot uninstall: turns are not over in $folder" "KUGETSU_HOME=\"$folder\" \"$TARGET\" status"; fi
  done
  if [ -z "$unit" ]; then return; fi
  "$TARGET" service uninstall </dev/null >/dev/null 2>&1 || :
  remove_file "$unit" "$UNIT_MARK"
  if [ -L "$units/default.target.wants/kugetsu.service" ]; then rm -f -- "$units/default.target.wants/kugetsu.service"; fi
}

UNIT_MARK='^# Written by kugetsu service install'

take_path_away() {
  if [ -z "${HOME-}" ]; then return; fi
  make_path_lines
  for name in .bash_profile .bash_login .profile .bashrc; do take_line "$HOME/$name" "$LINE"; done
  take_line "${ZDOTDIR:-$HOME}/.zshrc" "$LINE"
  take_line "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/kugetsu.fish" "$FISH_LINE"
}

take_extras_away() {
  for file in bash-completion/completions/kugetsu fish/vendor_completions.d/kugetsu.fish zsh/site-functions/_kugetsu; do
    remove_file "$SHARE/$file" 'made by: kugetsu completions'
  done
  if [ -z "${HOME-}" ]; then return; fi
  if [ -x "$TARGET" ] && ! is_script "$TARGET"; then "$TARGET" skill install --dir "$TEMP" </dev/null >/dev/null 2>&1; fi
  for folder in "${XDG_CONFIG_HOME:-$HOME/.config}/opencode" "${CLAUDE_CONFIG_DIR:-$HOME/.claude}" "$HOME/.agents"; do
    if [ ! -L "$folder/skills/kugetsu" ]; then take_skill_away "$folder/skills/kugetsu/SKILL.md"; fi
  done
}

# Only as this executable writes it, and only where no other one is left that it tells of.
take_skill_away() {
  if another_is_left; then
    if [ -e "$1" ]; then say "Left $1: another kugetsu is installed"; fi
    return
  fi
  if cmp -s -- "$TEMP/kugetsu/SKILL.md" "$1"; then
    remove_file "$1" '^name: kugetsu$'
  elif [ -e "$1" ]; then
    say "Left $1: it is not what this kugetsu writes"
  fi
  for kept in "$1".previous*; do
    if [ -e "$kept" ]; then say "Left $kept, which was there before"; fi
  done
}

another_is_left() {
  if [ -n "$ANOTHER" ]; then return 0; fi
  separator=$IFS
  IFS=:
  set -f
  for folder in $PATH "$HOME/.local/bin"; do
    other=$folder/kugetsu
    # shellcheck disable=SC3013 # All seven shells have -ef.
    if [ -f "$other" ] && [ -x "$other" ] && ! [ "$other" -ef "$TARGET" ] && ! is_script "$other"; then ANOTHER=1; fi
  done
  set +f
  IFS=$separator
  [ -n "$ANOTHER" ]
}

# remove_file FILE PATTERN: if a line of it says that it is ours; and the folder, if nothing else is in it
remove_file() {
  if [ -L "$1" ] || ! grep -q "$2" "$1" 2>/dev/null; then return 0; fi
  rm -f -- "$1" || fail 5 "Cannot delete \"$1\": see above" 'run this again'
  rmdir -- "$(dirname -- "$1")" 2>/dev/null
  say "Deleted $1"
}

# Only what kugetsu itself put there; what else lies in the folder is named, and left.
purge_state() {
  if [ ! -d "$state" ]; then return; fi
  for name in index.json sessions bases turns journal plugins config.jsonc locks run logs; do rm -rf -- "${state:?}/$name"; done
  for file in "$state"/*.damaged-* "$state"/.*.tmp; do if [ -f "$file" ]; then rm -f -- "$file"; fi; done
  if rmdir -- "$state" 2>/dev/null; then say "Deleted $state"; return; fi
  say "Note: $state still holds what kugetsu did not put there, or what may be work of yours: look, then delete it."
}

# --- Everything else ---

# Sets SCRIPT to the file that the shell is reading this from, or to nothing where it is fed or there is only a text; and
# SOURCED, if it reads it as part of itself (`. install.sh`). Only what is known counts: a file that merely lies in the
# current folder may be anybody's, and options must not be lost.
find_script() {
  SOURCED=
  if [ -z "$SCRIPT" ]; then SCRIPT=$(file_being_read); fi
  # shellcheck disable=SC3013 # All seven shells have -ef.
  case ${ZSH_VERSION:+${ZSH_EVAL_CONTEXT-}} in
    *:file*) SOURCED=1 ;;
    '') if [ -n "$SCRIPT" ] && ! [ "$SHELL_NAME" -ef "$SCRIPT" ]; then SOURCED=1; fi ;;
  esac
  is_this_script "$SCRIPT" || SCRIPT=
}

# Most shells keep the file open until they have read its end: not below 10, where redirections of others are.
file_being_read() {
  for open in "/proc/$$/fd"/[1-9][0-9]*; do
    if is_this_script "$open" && readlink -- "$open"; then return; fi
  done
  if is_this_script "$SHELL_NAME"; then say "$SHELL_NAME"; fi
}

is_this_script() {
  [ -f "$1" ] && grep -q "^MARK='$MARK'\$" "$1" 2>/dev/null
}

is_script() {
  [ -f "$1" ] && [ "$(head -c 2 -- "$1" 2>/dev/null | tr -d '\000')" = '#!' ]
}

# Programs are taken from absolute folders only: nobody can plant one in the current folder.
keep_absolute_path() {
  kept=
  separator=$IFS
  IFS=:
  set -f
  for folder in ${PATH-}; do
    case $folder in /*) kept=$kept:$folder ;; esac
  done
  set +f
  IFS=$separator
  PATH=${kept#:}
  PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
}

has() {
  command -v "$1" >/dev/null 2>&1
}

make_temp() {
  [ -z "$TEMP" ] || return 0
  TEMP=$(mktemp -d "${TMPDIR:-/tmp}/kugetsu.XXXXXX") ||
    fail 5 "Cannot make a folder in \"${TMPDIR:-/tmp}\"" 'set TMPDIR to a folder that can be written, then run this again'
}

# shellcheck disable=SC2317 # The traps call it.
clear_away() {
  trap '' HUP INT PIPE TERM
  if [ -n "$STAGED" ]; then rm -f -- "$STAGED"; fi
  drop_copy
  unlock_bin
  if [ -n "$TEMP" ]; then rm -rf -- "$TEMP"; fi
}

# end_by SIGNAL STATUS. A second signal must not cut off the clearing away: mksh tells the one of a lost terminal twice.
# After `exit` in a trap ksh waits for ever, for it makes no process of a subshell.
# shellcheck disable=SC2317 # The traps call it.
end_by() {
  trap '' HUP INT PIPE TERM
  case ${KSH_VERSION-} in
    Version*)
      clear_away
      trap - EXIT "$1"
      kill -s "$1" "$$"
      ;;
  esac
  exit "$2"
}

# Where it can be had: a power cut must not leave an empty file.
flush() {
  sync "$1" 2>/dev/null || :
}

last_line() {
  line=$(grep . "$1" 2>/dev/null | tail -n 1)
  say "${line:-it does not say why}"
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
