#!/bin/sh
# Opens a Debian or Ubuntu host for work over SSH, with keys only. See --help and docs/kugetsu-setup.md.
#
# Everything stands in functions: a file that was cut off does nothing. A run first stages what it wants in a folder
# of its own and compares; each change is written down in STATE before it is made, and undone by the same record.
set -u
STATE=/var/lib/kugetsu-sshd-setup
SSHD_DIR=/etc/ssh/sshd_config.d
SOCKET_FILE=/etc/systemd/system/ssh.socket.d/zz-kugetsu.conf
TIMER=kugetsu-sshd-rollback
TEMPORARY=kugetsu-sshd-setup-temporary
MARK="# Made by kugetsu's sshd-setup.sh, which takes it back with --undo."
STAGE='' RUN='' PROBE=''

main() {
  PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin
  export LC_ALL=C
  umask 022
  read_options "$@"
  check_host
  hold_lock
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  case $ACTION in
    --undo) undo ;;
    --confirm) confirm ;;
    --rollback) roll_back ;;
    *) open_host ;;
  esac
}

usage() {
  cat <<'TEXT'
Opens this host for work over SSH: a user who logs in with a key; no passwords, no root.

Usage: sh sshd-setup.sh [USERNAME] [options]

  USERNAME                 the user to make or to use (default: kugetsu)
  --authorized-keys FILE   public keys that may log in as USERNAME; they are added to those that are there
  --port N                 have sshd listen on port N (default: as it is)
  --no-sudo                do not let USERNAME become root; without this, sudo asks for no password, and whoever
                           works as USERNAME, an agent too, is root
  --yes                    do not ask; needed where sshd serves logins and this is not a terminal
  --confirm-within SECONDS how long the settings wait for --confirm (default: 120)
  --dry-run                show what would change, and change nothing
  --confirm                keep the settings, once somebody has logged in with them
  --undo                   take back all that this script did here, for every user; what was in use stays
  --help                   show this text

Where sshd serves logins already, the new settings go back by themselves unless they are confirmed in time.
What --undo and that way back need is in /var/lib/kugetsu-sshd-setup.

Exit status: 0 done, or nothing to do; 2 bad usage; 4 another run is not over; 5 this host lacks something;
9 refused, because somebody could be locked out. After 5 and 9 nothing has changed.
TEXT
}

read_options() {
  ACTION='' NAME='' PORT='' KEYS='' SUDO=yes YES='' DRY='' WITHIN=120
  while [ $# -gt 0 ]; do
    case $1 in
      --port | --authorized-keys | --confirm-within)
        if [ $# -lt 2 ]; then bad_usage "$1 needs a value"; fi
        read_value "$1" "$2"; shift ;;
      --port=* | --authorized-keys=* | --confirm-within=*) read_value "${1%%=*}" "${1#*=}" ;;
      --no-sudo) SUDO= ;;
      --yes) YES=yes ;;
      --dry-run) DRY=yes ;;
      --undo | --confirm | --rollback) choose "$1" ;; # The timer calls the last.
      -h | --help) usage; exit 0 ;;
      -*) bad_usage "Cannot understand \"$1\"" ;;
      *) if [ -n "$NAME" ]; then bad_usage "Cannot take a second user, \"$1\""; fi; NAME=$1 ;;
    esac
    shift
  done
  if [ "$ACTION" = --undo ] && [ -n "$NAME" ]; then
    bad_usage "Cannot undo for \"$NAME\" alone: --undo takes back everything"
  fi
  NAME=${NAME:-kugetsu}
  is_name "$NAME" || bad_usage "Cannot use \"$NAME\" as a user's name: small letters, digits, and . _ - inside"
  [ "$NAME" != root ] || bad_usage 'Cannot set up root: it must not log in over SSH'
}

choose() { # ACTION
  [ "${ACTION:-$1}" = "$1" ] || bad_usage "Cannot $1 and $ACTION in one run"
  ACTION=$1
}

read_value() { # OPTION VALUE
  case $1 in
    --authorized-keys) KEYS=$2; [ -n "$2" ] || bad_usage '--authorized-keys needs a file' ;;
    --port) PORT=$2; is_number "$2" 65535 || bad_usage "Cannot use \"$2\" as a port" ;;
    *) WITHIN=$2; is_number "$2" 86400 || bad_usage "Cannot wait for \"$2\" seconds" ;;
  esac
}

is_name() {
  case $1 in '' | [!a-z_]* | *[!a-z0-9_.-]* | *. | *-) return 1 ;; esac
  [ ${#1} -le 32 ]
}

is_number() { # TEXT LARGEST
  case $1 in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
  [ "$1" -le "$2" ]
}

check_host() {
  system=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' /etc/os-release 2>/dev/null | tr -d '"' | tr '\n' ' ')
  case " $system" in
    *' debian '* | *' ubuntu '*) ;;
    *) fail 5 "Cannot set up this system (${system:-unknown }): only Debian and Ubuntu are supported" \
        'docs/kugetsu-setup.md has the settings, to make them by hand' ;;
  esac
  [ -d /run/systemd/system ] ||
    fail 5 'Cannot set up this host: systemd does not run here' 'boot the container with systemd as its first process'
  [ "$(id -u)" = 0 ] || fail 5 'Cannot set up this host: this needs root' "sudo sh $0"
  for program in sshd:openssh-server ssh:openssh-client flock:util-linux ${SUDO:+visudo:sudo}; do
    command -v "${program%:*}" >/dev/null 2>&1 && continue
    fail 5 "Cannot find ${program%:*}" "apt-get update && apt-get install -y ${program#*:}"
  done
}

hold_lock() {
  exec 9>/run/kugetsu-sshd-setup.lock
  if [ "$ACTION" = --rollback ]; then patience=600; else patience=10; fi
  flock -w "$patience" 9 || fail 4 'Another run of this script is under way' 'wait until it is over'
}

# ---- Setting up ----

open_host() {
  recover
  learn
  stage
  plan
  if [ ! -s "$STAGE/plan" ]; then
    if holds_key "$KEYS_FILE"; then
      say "Nothing to change: $NAME can log in here with a key, nobody with a password, and root not at all."
    else
      say 'Nothing to change.'
      say_next_key
    fi
    return
  fi
  say "On $(uname -n), for $NAME:"
  cat "$STAGE/plan"
  check_nobody_is_locked_out
  [ -z "$DRY" ] || { say 'Nothing was changed.'; return; }
  agree
  apply
}

# An earlier run that was cut off is undone first, and one that waits is not disturbed.
recover() {
  run=$(last_run)
  [ -n "$run" ] && [ ! -e "$run/confirmed" ] || return 0
  if [ -e "$run/applied" ]; then
    fail 4 "Cannot go on: the last run waits for a login as $(cat "$run/name")" \
      "sh $STATE/sshd-setup.sh --confirm   (or --undo)"
  fi
  [ -z "$DRY" ] || { say 'An earlier run was cut off; the next one undoes it first.'; return; }
  say 'An earlier run was cut off: undoing it first.'
  undo_run "$run"
}

# What this host is like without us.
learn() {
  STAGE=$(mktemp -d /run/kugetsu-sshd-setup.XXXXXX) || fail 5 'Cannot write in /run' 'df /run'
  mkdir -p /run/sshd "$STAGE/etc/sshd_config.d" "$STAGE/put"
  [ -f /etc/ssh/sshd_config ] || fail 5 'Cannot find /etc/ssh/sshd_config' 'apt-get install --reinstall openssh-server'
  cp -p /etc/ssh/sshd_config "$STAGE/live"
  grep -vx "Include $SSHD_DIR/00-kugetsu.*\.conf" "$STAGE/live" >"$STAGE/base"
  for file in "$SSHD_DIR"/*; do
    case $file in */00-kugetsu*) continue ;; esac
    [ ! -f "$file" ] || cp -p "$file" "$STAGE/etc/sshd_config.d/"
  done
  localize "$STAGE/base"
  HOST_KEYS=yes
  set -- /etc/ssh/ssh_host_*_key
  if [ ! -e "$1" ] && sshd -t -f "$STAGE/etc/sshd_config" 2>&1 | grep -q 'no hostkeys'; then
    HOST_KEYS=
    ssh-keygen -q -t ed25519 -N '' -f "$STAGE/host_key"
  fi
  settings_of "$NAME" >"$STAGE/before" 2>"$STAGE/errors" ||
    fail 5 "Cannot use sshd's settings as they are: $(reason)" 'sshd -t'
  ! grep -q '^challengeresponse' "$STAGE/before" ||
    fail 5 'Cannot use this sshd: it is older than 8.7' 'apt-get upgrade'
  learn_account
  UP=
  wait_until_settled ssh.service
  if is_active ssh.service || is_active ssh.socket; then UP=yes; fi
  SOCKET=
  if is_active ssh.socket || systemctl -q is-enabled ssh.socket 2>/dev/null; then SOCKET=yes; fi
  [ -n "$UP" ] || check_no_other_sshd
  SERVES=
  if [ -n "$UP" ] && serves_logins; then SERVES=yes; fi
}

# sshd's settings, to be tried with the drop-ins that are staged.
localize() { # FILE
  sed "s#\([[:space:]\"=]\)\(/etc/ssh/\)\{0,1\}sshd_config\.d/#\1$STAGE/etc/sshd_config.d/#" "$1" \
    >"$STAGE/etc/sshd_config"
}

settings_of() { # USER [FILE]: the settings in effect for that user, of those that are staged
  # shellcheck disable=SC2046 # Two words or none.
  sshd -T -f "${2:-$STAGE/etc/sshd_config}" $([ -n "$HOST_KEYS" ] || echo -h "$STAGE/host_key") \
    -C "user=$1,host=client.invalid,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
}

value_of() { # NAME FILE
  sed -n "s/^$1 //p" "$2"
}

learn_account() {
  entry=$(getent passwd "$NAME") || entry=
  ACCOUNT=${entry:+yes}
  OWN_GROUP=$NAME HOME_DIR=/home/$NAME
  if [ -n "$ACCOUNT" ]; then
    HOME_DIR=$(printf %s "$entry" | cut -d: -f6)
    OWN_GROUP=$(id -gn "$NAME")
    uid=$(id -u "$NAME")
    [ "$uid" -ge 1000 ] || fail 9 "Cannot use \"$NAME\": it is an account of the system (uid $uid)" 'give another name'
    [ -d "$HOME_DIR" ] || fail 9 "Cannot use \"$NAME\": its home \"$HOME_DIR\" is not there" "mkhomedir_helper $NAME"
  else
    check_name_is_free
  fi
  KEYS_FILE=$(keys_file "$STAGE/before" "$NAME" "$HOME_DIR")
  [ -n "$KEYS_FILE" ] || fail 9 'Cannot give a key: sshd has AuthorizedKeysFile none' 'sshd -T | grep -i authorizedkeys'
  # By the name in the settings: a link in a home does not make root write elsewhere.
  case $KEYS_FILE in "$HOME_DIR"/*) KEYS_OWNER=$NAME KEYS_MODE=600 ;; *) KEYS_OWNER=root KEYS_MODE=644 ;; esac
  KEYS_FILE=$(readlink -m "$KEYS_FILE")
}

# Whose a home or a group of that name is, and what would come with it, is for the administrator to say.
check_name_is_free() {
  group=$(getent group "$NAME") || group=
  by_hand="useradd --shell /bin/bash${group:+ --gid $NAME}"
  [ ! -e "$HOME_DIR" ] || fail 9 "Cannot make the user \"$NAME\": \"$HOME_DIR\" is there already" \
    "$by_hand --no-create-home $NAME && chown -R $NAME: $HOME_DIR"
  [ -z "$group" ] || fail 9 "Cannot make the user \"$NAME\": there is a group of that name" \
    "$by_hand --create-home $NAME"
}

# The first file where sshd looks for the keys of a user.
keys_file() { # SETTINGS USER HOME
  path=$(value_of authorizedkeysfile "$1")
  path=$(printf %s "${path%% *}" | sed "s#%u#$2#g; s#%h#$3#g; s#%%#%#g")
  case $path in
    none) return ;;
    /*) ;;
    *) path=$3/$path ;;
  esac
  printf '%s\n' "$path"
}

is_active() {
  systemctl -q is-active "$1"
}

# A host that has just booted may be bringing it up. One that takes longer counts as it is.
wait_until_settled() {
  tries=0
  while [ "$tries" -lt 100 ]; do
    case $(systemctl is-active "$1") in
      activating | deactivating | reloading) sleep 0.1 ;;
      *) return ;;
    esac
    tries=$((tries + 1))
  done
}

check_no_other_sshd() {
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/pid")" = "$(readlink /proc/self/ns/pid)" ] || continue
    case $(readlink "$process/exe") in
      */sshd) fail 9 "Cannot set up this host: an sshd runs outside of systemd (pid ${process#/proc/})" \
          'end it, or make it ssh.service' ;;
    esac
  done
}

# Whether somebody could log in here now. A fresh container often runs an sshd that nobody can use.
serves_logins() {
  [ -z "${SSH_CONNECTION-}" ] || return 0
  ! grep -Eq '^passwd:.*(sss|ldap|winbind|nis)' /etc/nsswitch.conf || return 0
  ! grep -Eq '^(trustedusercakeys|authorizedkeyscommand) /|^(gssapi|hostbased)authentication yes' "$STAGE/before" ||
    return 0
  accounts >"$STAGE/accounts"
  [ -s "$STAGE/accounts" ]
}

# Who can log in over SSH now, one line each: "NAME key" or "NAME password".
accounts() {
  getent passwd | while IFS=: read -r user _ id _ _ home shell; do
    case $shell in */nologin | */false | '') continue ;; esac
    [ "$id" -ge 1000 ] || [ "$id" = 0 ] || continue
    settings_of "$user" >"$STAGE/of_user" 2>/dev/null || continue
    root_may=$([ "$id" != 0 ] || value_of permitrootlogin "$STAGE/of_user")
    if [ "$root_may" = no ]; then continue; fi
    if holds_key "$(keys_file "$STAGE/of_user" "$user" "$home")"; then
      echo "$user key"
    elif grep -Eq '^(password|kbdinteractive)authentication yes' "$STAGE/of_user" && has_password "$user" &&
      case $root_may in '' | yes) ;; *) false ;; esac; then
      echo "$user password"
    fi
  done
}

has_password() {
  case $(getent shadow "$1" | cut -d: -f2) in '' | '!'* | '*'*) return 1 ;; esac
}

# Whether a file has a key that opens a session.
holds_key() {
  [ -f "$1" ] && usable_lines <"$1" | ssh-keygen -lf - >/dev/null 2>&1
}

# Of lines with keys, those of a kind that sshd takes, without a command of its own. Of two lines with the same key sshd
# goes by the first.
usable_lines() {
  awk '
    /^[ \t]*(#|$)/ { next }
    { match($0, /AAAA[A-Za-z0-9+\/=]*/); key = substr($0, RSTART, RLENGTH) }
    /command=/ { commanded[key] = 1 }
    !(key in commanded) && !/expiry-time=|ssh-dss|^cert-authority/'
}

# ---- What is wanted, staged ----

stage() {
  stage_keys
  stage_sudo
  stage_sshd
  stage_port
}

# want PATH OWNER MODE: what is read becomes the wanted content of PATH.
want() {
  count=$(($(find "$STAGE/put" -name '*.path' | wc -l) + 1))
  cat >"$STAGE/put/$count"
  printf '%s\n' "$1" >"$STAGE/put/$count.path"
  printf '%s %s\n' "$2" "$3" >"$STAGE/put/$count.how"
}

stage_keys() {
  [ ! -f "$KEYS_FILE" ] || cat "$KEYS_FILE" >"$STAGE/keys"
  touch "$STAGE/keys"
  NEW_KEYS=0
  if [ -n "$KEYS" ]; then read_keys; fi
  if [ "$NEW_KEYS" -gt 0 ] || [ ! -f "$KEYS_FILE" ]; then
    want "$KEYS_FILE" "$KEYS_OWNER" "$KEYS_MODE" <"$STAGE/keys"
  fi
}

read_keys() {
  cat -- "$KEYS" 2>/dev/null | tr -d '\r' >"$STAGE/given"
  [ -s "$STAGE/given" ] || fail 5 "Cannot read a key in \"$KEYS\"" "ls -l \"$KEYS\""
  ! grep -q 'PRIVATE KEY' "$STAGE/given" ||
    fail 2 "Cannot use \"$KEYS\": it is a private key" "--authorized-keys \"$KEYS.pub\""
  # A last line without its end, in either file, would swallow the next one.
  [ -z "$(tail -c 1 "$STAGE/keys")" ] || echo >>"$STAGE/keys"
  number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in '' | '#'*) continue ;; esac
    printf '%s\n' "$line" | ssh-keygen -lf - >/dev/null 2>&1 ||
      fail 2 "Cannot use \"$KEYS\": line $number is no public key" \
        'ssh-keygen -t ed25519, and give the file that ends in .pub'
    blob=$(printf '%s\n' "$line" | grep -o 'AAAA[A-Za-z0-9+/=]*' | head -n 1)
    if ! opens_session "$blob" <"$STAGE/keys" && ! grep -qxF -- "$line" "$STAGE/keys"; then
      printf '%s\n' "$line" >>"$STAGE/keys"
      NEW_KEYS=$((NEW_KEYS + 1))
    fi
    if printf '%s\n' "$line" | opens_session "$blob" && ! opens_session "$blob" <"$STAGE/keys"; then
      fail 9 "Cannot give the key of line $number in \"$KEYS\": \"$KEYS_FILE\" has it with a command of its own" \
        'take that line out, or give another key'
    fi
  done <"$STAGE/given"
}

opens_session() { # KEY, and lines from standard input
  usable_lines | grep -qF "$1"
}

# sudo skips a file whose name has a dot in it or a tilde at its end, without a word.
stage_sudo() {
  SUDO_FILE=/etc/sudoers.d/kugetsu-$(printf %s "$NAME" | tr . '~')
  [ -n "$SUDO" ] || return 0
  printf '%s\n%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$MARK" "$NAME" | want "$SUDO_FILE" root 440
}

# In sshd's settings the first value wins, and among Match blocks the first that matches. So ours come first, and say
# everything twice; where they are included too late or not at all, a line is put at the top of sshd_config.
stage_sshd() {
  { printf '%s\n' "$MARK"; algorithms; log_level; key_only; echo 'Match all'; log_level; key_only; } >"$STAGE/settings"
  want "$SSHD_DIR/00-kugetsu.conf" root 644 <"$STAGE/settings"
  cp "$STAGE/settings" "$STAGE/etc/sshd_config.d/00-kugetsu.conf"
  {
    [ -z "$(value_of allowusers "$STAGE/before")" ] || echo "AllowUsers $NAME"
    [ -z "$(value_of allowgroups "$STAGE/before")" ] || [ "$OWN_GROUP" != "$NAME" ] || echo "AllowGroups $NAME"
  } >"$STAGE/allow"
  if [ -s "$STAGE/allow" ]; then
    want "$SSHD_DIR/00-kugetsu-allow-$NAME.conf" root 644 <"$STAGE/allow"
    cp "$STAGE/allow" "$STAGE/etc/sshd_config.d/00-kugetsu-allow-$NAME.conf"
  fi
  for other in "$SSHD_DIR"/00-kugetsu-allow-*; do
    case $other in "$SSHD_DIR/00-kugetsu-allow-$NAME.conf" | *'*') continue ;; esac
    cp "$other" "$STAGE/etc/sshd_config.d/"
  done
  case $(place_of_include) in
    first) cp "$STAGE/base" "$STAGE/wanted" ;;
    # Ours are included a second time further down, which Port would mind: so only the settings.
    late) { echo "Include $SSHD_DIR/00-kugetsu.conf"; cat "$STAGE/base"; } >"$STAGE/wanted" ;;
    none) { echo "Include $SSHD_DIR/00-kugetsu*.conf"; cat "$STAGE/base"; } >"$STAGE/wanted" ;;
  esac
  if ! cmp -s "$STAGE/wanted" "$STAGE/live"; then want /etc/ssh/sshd_config root 644 <"$STAGE/wanted"; fi
}

key_only() {
  printf '%s\n' 'PubkeyAuthentication yes' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' \
    'PermitRootLogin no'
}

# --confirm looks for logins in the journal.
log_level() {
  case $(value_of loglevel "$STAGE/before") in SILENT | QUIET | FATAL | ERROR) echo 'LogLevel INFO' ;; esac
}

# Takes out what ssh-audit calls a failure, and adds nothing to what an administrator chose.
algorithms() {
  settings_of "$NAME" /dev/null >"$STAGE/defaults" 2>/dev/null
  without KexAlgorithms ecdh-sha2-
  without HostKeyAlgorithms ecdsa-sha2-
  without MACs hmac-sha1
}

without() { # NAME PREFIX
  key=$(printf %s "$1" | tr '[:upper:]' '[:lower:]')
  chosen=$(value_of "$key" "$STAGE/before")
  rest=$(printf %s "$chosen" | tr , '\n' | grep -v "^$2" | paste -sd , -)
  if [ "$chosen" = "$(value_of "$key" "$STAGE/defaults")" ]; then
    echo "$1 -$2*"
  elif [ "$chosen" != "$rest" ] && [ -n "$rest" ]; then
    echo "$1 $rest"
  fi
}

# Whether sshd_config includes our folder as the very first thing (and nothing there comes before us), later, or never.
place_of_include() {
  first=$(find "$STAGE/etc/sshd_config.d" -name '*.conf' | sort | head -n 1)
  awk -v first="${first##*/}" '
    { line = tolower($0); gsub(/["=]/, " ", line); $0 = line }
    /^[ \t]*(#|$)/ { next }
    $1 == "match" { exit }
    $1 == "include" && $0 ~ /[ \t](\/etc\/ssh\/)?sshd_config\.d\/\*(\.conf)?([ \t]|$)/ {
      place = (before || first != "00-kugetsu.conf") ? "late" : "first"; exit
    }
    { before = 1 }
    END { print place ? place : "none" }' "$STAGE/base"
}

stage_port() {
  kept=$(sed -n 's/^Port //p' "$SSHD_DIR/00-kugetsu-port.conf" 2>/dev/null)
  PORT=${PORT:-$kept}
  if [ -n "$PORT" ]; then
    printf '%s\nPort %s\n' "$MARK" "$PORT" >"$STAGE/etc/sshd_config.d/00-kugetsu-port.conf"
    want "$SSHD_DIR/00-kugetsu-port.conf" root 644 <"$STAGE/etc/sshd_config.d/00-kugetsu-port.conf"
    if [ -n "$SOCKET" ]; then
      printf '%s\n[Socket]\nListenStream=\nListenStream=%s\n' "$MARK" "$PORT" | want "$SOCKET_FILE" root 644
    fi
  fi
  localize "$STAGE/wanted"
  check_settings
  LIVE_PORT=${PORT:-$(live_port)}
}

live_port() {
  if [ -n "$SOCKET" ]; then
    systemctl show -p Listen --value ssh.socket | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p' | head -n 1
  else
    value_of listenaddress "$STAGE/after" | sed 's/.*://' | head -n 1
  fi
}

# The settings in effect, for the user and for root, are what we say they are.
check_settings() {
  for user in root "$NAME"; do
    settings_of "$user" >"$STAGE/after" 2>"$STAGE/errors" ||
      fail 9 "Cannot use the new settings: $(reason)" 'sshd -t'
    key_only | while read -r key value; do
      key=$(printf %s "$key" | tr '[:upper:]' '[:lower:]')
      [ "$(value_of "$key" "$STAGE/after")" = "$value" ] || echo "$key $(value_of "$key" "$STAGE/after") for $user"
    done >"$STAGE/other"
    [ ! -s "$STAGE/other" ] ||
      fail 9 "Cannot win over sshd's settings: $(head -n 1 "$STAGE/other")" "grep -rn . /etc/ssh/sshd_config $SSHD_DIR"
  done
  [ -z "$PORT" ] || [ "$(value_of listenaddress "$STAGE/after" | sed 's/.*://' | sort -u)" = "$PORT" ] ||
    fail 9 "Cannot set port $PORT: sshd's settings have a Port or a ListenAddress of their own already" \
      "take it out of /etc/ssh/sshd_config, or leave --port out"
}

# ---- What would change ----

plan() {
  {
    [ -n "$ACCOUNT" ] || line account "make $NAME, with no password"
    [ -n "$HOST_KEYS" ] || line 'host keys' 'make them'
    loose_paths | while read -r path; do line modes "nobody but $NAME may write \"$path\""; done
    plan_files
    [ -n "$SUDO" ] || [ ! -e "$SUDO_FILE" ] || line sudo "$NAME may no longer become root"
    [ -n "$UP" ] || line start 'start sshd, now and at every boot'
  } >"$STAGE/plan"
  SSHD_CHANGES=
  if grep -Eq '^  (sshd|port|start)' "$STAGE/plan"; then SSHD_CHANGES=yes; fi
}

line() { # WHAT TEXT
  printf '  %-10s %s\n' "$1" "$2"
}

# A staged file that is there already, the same, is wanted no longer.
plan_files() {
  for staged in "$STAGE"/put/*.path; do
    path=$(cat "$staged")
    if cmp -s "${staged%.path}" "$path"; then rm "$staged"; continue; fi
    case $path in
      "$KEYS_FILE") line keys "$path: $NEW_KEYS new, $(grep -c '^[^#]' "$STAGE/keys") in all" ;;
      "$SUDO_FILE")
        line sudo "$NAME becomes root without a password, and so does every agent that it runs (--no-sudo: not)" ;;
      "$SSHD_DIR/00-kugetsu.conf") line sshd "$path: no passwords, no root, only keys" ;;
      "$SOCKET_FILE" | *-port.conf) line port "$path: listen on $PORT" ;;
      /etc/ssh/sshd_config) line sshd "$path: $(head -n 1 "${staged%.path}"), so that it wins" ;;
      *) line sshd "$path: $(paste -sd ' ' "${staged%.path}")" ;;
    esac
  done
}

# sshd ignores keys that somebody else could have written.
loose_paths() {
  [ -n "$ACCOUNT" ] && [ "$KEYS_OWNER" = "$NAME" ] || return 0
  for path in "$HOME_DIR" "$(dirname "$KEYS_FILE")" "$KEYS_FILE"; do
    [ ! -e "$path" ] || find "$path" -maxdepth 0 -perm /022
  done | sort -u
}

check_nobody_is_locked_out() {
  [ -n "$SERVES" ] && [ -n "$SSHD_CHANGES" ] || return 0
  holds_key "$STAGE/keys" ||
    fail 9 "Cannot turn passwords off: $NAME has no key, and sshd serves logins here" \
      'give one with --authorized-keys FILE'
  [ -e "$STAGE/accounts" ] || accounts >"$STAGE/accounts"
  if [ -z "$SUDO" ] && ! somebody_becomes_root; then
    fail 9 'Cannot leave sudo out: nobody who has a key could become root afterwards' \
      'leave --no-sudo out, or give an administrator a key first'
  fi
  awk -v name="$NAME" '$2 == "password" && $1 != name || $1 == "root" { print $1 }' \
    "$STAGE/accounts" >"$STAGE/locked_out"
  [ ! -s "$STAGE/locked_out" ] || line 'shut out' "no SSH login from then on for: $(paste -sd ' ' "$STAGE/locked_out")"
}

somebody_becomes_root() {
  while read -r user way; do
    if [ "$way" != key ] || [ "$user" = root ]; then continue; fi
    if sudo -n -l -U "$user" 2>/dev/null </dev/null | grep -q '(ALL\|(root'; then return 0; fi
  done <"$STAGE/accounts"
  return 1
}

agree() {
  [ -z "$YES" ] || return 0
  if [ -t 0 ]; then
    printf 'Go on? [y/N] '
    read -r answer
    case $answer in [yY] | [yY]es) return ;; esac
    say 'Nothing was changed.'
    exit 0
  fi
  [ -z "$SERVES" ] || [ -z "$SSHD_CHANGES" ] ||
    fail 9 'Will not change a host that serves logins without being told to' 'the same with --yes'
}

# ---- Making it so ----

apply() {
  open_run
  make_account
  make_host_keys
  tighten
  if [ -z "$SUDO" ]; then remove "$SUDO_FILE"; fi
  # Files whose effect the probe can see come before it, sshd's own after it.
  put_files keys_and_sudo
  probe
  put_files sshd
  sshd -t 2>"$STAGE/errors" || fail 9 "Cannot use the new settings: $(reason)" 'sshd -t'
  if [ -n "$SSHD_CHANGES" ]; then
    if [ -n "$SERVES" ]; then arm; fi
    start_sshd
  fi
  touch "$RUN/applied"
  if [ -z "$SERVES" ] || [ -z "$SSHD_CHANGES" ]; then touch "$RUN/confirmed"; fi
  finished=$RUN RUN=
  say_how_to_go_on "$finished"
}

open_run() {
  grep -q "^TEMPORARY=$TEMPORARY" "$0" 2>/dev/null ||
    fail 5 'Cannot find this script itself, which the way back needs' 'copy it to this host and run the copy'
  (umask 077 && mkdir -p "$STATE/runs")
  cmp -s "$0" "$STATE/sshd-setup.sh" || { cp "$0" "$STATE/new" && mv -f "$STATE/new" "$STATE/sshd-setup.sh"; }
  RUN=$STATE/runs/$(printf '%04d' $(($(find "$STATE/runs" -mindepth 1 -maxdepth 1 | wc -l) + 1)))
  mkdir -m 700 "$RUN" || fail 5 "Cannot write in $STATE" "df $STATE"
  touch "$RUN/steps"
  echo "$NAME" >"$RUN/name"
}

# Every change is written down before it is made.
step() {
  printf '%s\n' "$*" >>"$RUN/steps" || fail 5 "Cannot write in $STATE" "df $STATE"
  sync "$RUN/steps"
}

make_account() {
  [ -z "$ACCOUNT" ] || return 0
  step account "$NAME"
  # "*" is no password; "!" would be a lock, which sshd minds where it does not use PAM.
  useradd --create-home --home-dir "$HOME_DIR" --shell /bin/bash --password '*' "$NAME" ||
    fail 5 "Cannot make the user \"$NAME\"" "useradd -m $NAME"
}

make_host_keys() {
  [ -z "$HOST_KEYS" ] || return 0
  step host_keys
  ssh-keygen -A >/dev/null
}

tighten() {
  loose_paths >"$STAGE/loose"
  while IFS= read -r path; do
    step mode "$(stat -c %a "$path")" "$NAME" "$path"
    as "$NAME" chmod go-w "$path" </dev/null ||
      fail 9 "Cannot take away the right to write \"$path\"" "chown $NAME \"$path\""
  done <"$STAGE/loose"
}

put_files() { # keys_and_sudo | sshd
  for staged in "$STAGE"/put/*.path; do
    [ -e "$staged" ] || continue
    path=$(cat "$staged")
    case $path in "$KEYS_FILE" | "$SUDO_FILE") group=keys_and_sudo ;; *) group=sshd ;; esac
    [ "$group" = "$1" ] || continue
    if [ "$path" = "$SUDO_FILE" ]; then
      visudo -cqf "${staged%.path}" || fail 5 'Cannot use the rule for sudo: visudo refuses it' "visudo -c"
    fi
    read -r owner mode <"${staged%.path}.how"
    put "$path" "$owner" "$mode" <"${staged%.path}"
  done
}

put() { # PATH OWNER MODE, and the content from standard input
  make_folder "$(dirname "$1")" "$2"
  number=$(wc -l <"$RUN/steps")
  cat >"$RUN/after.$number"
  [ ! -e "$1" ] || cp -p "$1" "$RUN/before.$number"
  if [ -e "$1" ]; then step put "$number" "$2" "$(stat -c %a "$1")" "$1"; else step put "$number" "$2" "$3" "$1"; fi
  if [ -e "$1" ]; then set -- "$1" "$2" "$(stat -c %a "$1")"; fi
  write_file "$@" <"$RUN/after.$number" || fail 5 "Cannot write \"$1\"" "ls -ld \"$(dirname "$1")\""
}

remove() { # PATH
  [ -e "$1" ] || return 0
  number=$(wc -l <"$RUN/steps")
  cp -p "$1" "$RUN/before.$number"
  step put "$number" root "$(stat -c %a "$1")" "$1"
  rm -f "$1"
}

make_folder() { # PATH OWNER
  [ ! -d "$1" ] || return 0
  step folder "$2" "$1"
  if [ "$2" = root ]; then mkdir -p "$1"; else as "$2" mkdir -m 700 "$1" </dev/null; fi 2>/dev/null ||
    fail 5 "Cannot make \"$1\"" "ls -ld \"$(dirname "$1")\""
}

# Whole or not at all. In a home it is the user who writes: root would follow the user's links anywhere.
write_file() { # PATH OWNER MODE
  # shellcheck disable=SC2016 # For the other shell.
  as "$2" sh -c 'umask 077; new=$1.kugetsu~; cat >"$new" && chmod "$2" "$new" && sync "$new" && mv -f "$new" "$1"' \
    sh "$1" "$3" 2>/dev/null
}

as() { # USER COMMAND…
  user=$1
  shift
  if [ "$user" = root ]; then "$@"; else runuser -u "$user" -- "$@"; fi
}

# A real login with a key made for it, on a spare port of loopback, with the settings that are to come.
probe() {
  ssh-keygen -q -t ed25519 -N '' -C "$TEMPORARY" -f "$STAGE/key"
  expiry=$(date -d "@$(($(date +%s) + 120))" +%Y%m%d%H%M%S)
  step temporary "$KEYS_OWNER" "$KEYS_FILE"
  {
    cat "$KEYS_FILE"
    [ -z "$(tail -c 1 "$KEYS_FILE")" ] || echo
    printf 'restrict,from="127.0.0.1,::1",expiry-time="%s" %s\n' "$expiry" "$(cat "$STAGE/key.pub")"
  } >"$STAGE/with_key"
  cp -p "$KEYS_FILE" "$STAGE/without_key"
  mode=$(stat -c %a "$KEYS_FILE")
  write_file "$KEYS_FILE" "$KEYS_OWNER" "$mode" <"$STAGE/with_key"
  start_spare_sshd
  timeout 60 ssh -F /dev/null -p "$SPARE" -i "$STAGE/key" -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
    -o ConnectTimeout=10 -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR \
    "$NAME@127.0.0.1" "${SUDO:+sudo -n }echo $TEMPORARY" </dev/null >"$STAGE/said" 2>"$STAGE/why_not"
  login_status=$?
  kill "$PROBE"
  PROBE=
  write_file "$KEYS_FILE" "$KEYS_OWNER" "$mode" <"$STAGE/without_key"
  grep -qx "$TEMPORARY" "$STAGE/said" || refuse_login
}

refuse_login() {
  {
    grep -Ei 'not allowed|refused|locked|denied|bad owner|not listed|cannot|invalid' "$STAGE/log" | head -n 1
    cat "$STAGE/why_not" "$STAGE/said"
    echo "its shell \"$(getent passwd "$NAME" | cut -d: -f7)\" said nothing (status $login_status)"
  } >"$STAGE/errors"
  fail 9 "Cannot log in as $NAME with the new settings: $(reason)" \
    "chage -l $NAME; sshd -T -C user=$NAME,host=localhost,addr=127.0.0.1"
}

# A port that is to be new is tried itself: whether it is free shows at once.
start_spare_sshd() {
  mkdir "$STAGE/spare"
  cp -r "$STAGE/etc" "$STAGE/spare/"
  find "$STAGE/spare" -type f | while read -r file; do
    sed -i "/^[[:space:]]*\(port\|listenaddress\)[[:space:]=]/Id; s#$STAGE/etc/#$STAGE/spare/etc/#" "$file"
  done
  was=$(live_port_now)
  if [ -n "$PORT" ] && [ "$PORT" != "$was" ]; then ports=$PORT; else ports='42022 42023 42024 42025'; fi
  for SPARE in $ports; do
    : >"$STAGE/log"
    timeout 60 "$(command -v sshd)" -D -f "$STAGE/spare/etc/sshd_config" -E "$STAGE/log" -p "$SPARE" \
      -o ListenAddress=127.0.0.1 -o AddressFamily=any -o PidFile=none -o LogLevel=VERBOSE -o MaxStartups=100 \
      </dev/null >/dev/null 2>&1 9>&- &
    PROBE=$!
    patiently has_begun
    if listens; then return; fi
    kill "$PROBE" 2>/dev/null
    PROBE=
  done
  cp "$STAGE/log" "$STAGE/errors"
  fail 9 "Cannot listen on port $SPARE: $(reason)" 'give another --port'
}

listens() { grep -q 'Server listening' "$STAGE/log"; }

has_begun() { listens || ! kill -0 "$PROBE" 2>/dev/null; }

live_port_now() {
  if [ -n "$SOCKET" ]; then live_port; else sshd -T 2>/dev/null | sed -n 's/^port //p' | head -n 1; fi
}

start_sshd() {
  for unit in ssh.socket ssh.service; do
    step unit "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null)" "$(systemctl is-active "$unit")"
  done
  reload_sshd
  patiently answers ||
    fail 9 "Cannot go on: sshd does not answer on port $LIVE_PORT" 'systemctl status ssh'
}

# With socket activation the next connection starts sshd anew. Sessions go on in either case.
reload_sshd() {
  if [ -n "$SOCKET" ]; then
    systemctl daemon-reload && systemctl stop ssh.service && systemctl restart ssh.socket
  elif is_active ssh.service; then
    systemctl reload ssh.service
  else
    systemctl -q enable ssh.service && systemctl start ssh.service
  fi 2>"$STAGE/errors" || fail 9 "Cannot start sshd: $(reason)" 'systemctl status ssh'
}

answers() {
  here='s/:[0-9]*$//; s/^0\.0\.0\.0$/127.0.0.1/; s/^\[::\]$/::1/; s/[][]//g'
  for address in $(value_of listenaddress "$STAGE/after" | sed "$here"); do
    if ssh-keyscan -t ed25519,rsa -T 3 -p "$LIVE_PORT" "$address" 2>/dev/null | grep -q .; then return 0; fi
  done
  return 1
}

say_how_to_go_on() { # RUN
  if [ -e "$1/confirmed" ]; then
    say "Set up. Log in with: ssh -p $LIVE_PORT $NAME@$(uname -n)"
    say_next_key
    return
  fi
  at=$(date -d "@$(cat "$1/deadline")" +%H:%M:%S)
  say "Set up, for $WITHIN seconds: at $at all of it goes back unless it is confirmed."
  say "Keep this session open. Next, from another terminal: ssh -p $LIVE_PORT $NAME@$(uname -n)"
  if [ -n "$SUDO" ]; then
    say "and there: sudo sh $STATE/sshd-setup.sh --confirm"
  else
    say "and when that worked, here: sh $STATE/sshd-setup.sh --confirm"
  fi
}

say_next_key() {
  if holds_key "$KEYS_FILE"; then return; fi
  say "$NAME has no key yet that opens a session. Next, with your own public key:"
  say "  echo 'ssh-ed25519 AAAA… you@laptop' >>$KEYS_FILE"
}

# ---- Confirming, or going back ----

# Units of their own, so that the way back outlives this session and a boot.
arm() {
  step timer
  cat >"/etc/systemd/system/$TIMER.service" <<TEXT
[Unit]
Description=Takes back kugetsu's SSH set-up, which nobody confirmed
[Service]
Type=oneshot
ExecStart=/bin/sh $STATE/sshd-setup.sh --rollback
TEXT
  cat >"/etc/systemd/system/$TIMER.timer" <<TEXT
[Unit]
Description=Waits for kugetsu's SSH set-up to be confirmed
[Timer]
OnActiveSec=$WITHIN
AccuracySec=1s
[Install]
WantedBy=timers.target
TEXT
  echo "$LIVE_PORT" >"$RUN/port"
  date +%s >"$RUN/since"
  echo $(($(date +%s) + WITHIN)) >"$RUN/deadline"
  systemctl -q enable --now "$TIMER.timer" ||
    fail 5 'Cannot start the timer for the way back' "systemctl status $TIMER.timer"
}

disarm() {
  systemctl -q disable --now "$TIMER.timer" 2>/dev/null
  rm -f "/etc/systemd/system/$TIMER.service" "/etc/systemd/system/$TIMER.timer"
}

confirm() {
  run=$(last_run)
  [ -e "$run/applied" ] || fail 9 'Nothing waits to be confirmed' 'sh sshd-setup.sh --help'
  if [ -e "$run/confirmed" ]; then say 'Confirmed already.'; return; fi
  name=$(cat "$run/name")
  # What has just happened may be on its way still.
  journalctl --sync 2>/dev/null
  journalctl -q -o cat --since "@$(cat "$run/since")" -t sshd -t sshd-session |
    grep -qF "Accepted publickey for $name from " ||
    fail 9 "Cannot confirm: nobody has logged in as $name with a key since then" \
      "ssh -p $(cat "$run/port") $name@$(uname -n)   (from another terminal)"
  if [ -n "$DRY" ]; then
    say "$name has logged in with a key."
    say 'Nothing was changed.'
    return
  fi
  touch "$run/confirmed"
  disarm
  say 'Confirmed: the settings stay.'
}

roll_back() {
  run=$(last_run)
  [ -n "$run" ] && [ ! -e "$run/confirmed" ] || return 0
  [ -z "$DRY" ] || { say 'Nothing was changed.'; return; }
  say "Nobody confirmed the settings in time: taking them back."
  undo_run "$run"
}

undo() {
  run=$(last_run)
  if [ -z "$run" ]; then
    # One that was cut off before its first step has left this.
    [ -n "$DRY" ] || rm -rf "$STATE"
    say 'Nothing to undo.'
    return
  fi
  say 'To be taken back, all that was set up for:'
  cat "$STATE"/runs/*/name | sort -u | sed 's/^/  /'
  [ -z "$DRY" ] || { say 'Nothing was changed.'; return; }
  SERVES='' SSHD_CHANGES=''
  agree
  while [ -n "$run" ]; do
    undo_run "$run"
    run=$(last_run)
  done
  say 'Undone.'
}

last_run() {
  find "$STATE/runs" -mindepth 1 -maxdepth 1 2>/dev/null | sort | tail -n 1
}

# The steps of a run, the last one first. Each may have been made or not, and may be undone twice.
undo_run() { # RUN
  undone=$1
  tac "$1/steps" >"$1/steps.back"
  while read -r kind rest <&8; do
    # shellcheck disable=SC2086 # Words of a step; only the last may have spaces, and it is put together again.
    case $kind in put | mode | folder | temporary | account | host_keys | unit | timer) "undo_$kind" $rest ;; esac
  done 8<"$1/steps.back"
  # sshd's files are back, and the units were brought back last: now sshd reads them.
  if grep -q '^unit' "$1/steps"; then reload_after_undo "$1"; fi
  grep '^account' "$1/steps" | while read -r _ name; do remove_account "$name"; done
  rm -rf "$1"
  [ -n "$(last_run)" ] || rm -rf "$STATE"
}

undo_put() { # NUMBER OWNER MODE PATH
  number=$1 owner=$2 mode=$3
  shift 3
  before=$undone/before.$number after=$undone/after.$number
  if [ -e "$before" ] && cmp -s "$before" "$*"; then return; fi
  if [ ! -e "$*" ] && [ ! -e "$before" ]; then return; fi
  if [ ! -e "$*" ] || cmp -s "$after" "$*"; then
    if [ -e "$before" ]; then write_file "$*" "$owner" "$mode" <"$before"; else rm -f "$*"; fi
    return
  fi
  undo_edited "$*"
}

# Somebody changed it since: our lines go, theirs stay. A file that is ours alone goes, and theirs is kept beside it.
undo_edited() { # PATH
  case $1 in
    */00-kugetsu*.conf | /etc/sudoers.d/kugetsu-* | "$SOCKET_FILE")
      mv -f "$1" "$1.kept"
      say "Kept what was changed in \"$1\" as \"$1.kept\"."
      return ;;
  esac
  touch "$undone/none"
  if [ -e "$before" ]; then old=$before; else old=$undone/none; fi
  grep -vxFf "$old" "$after" >"$undone/ours"
  grep -vxFf "$undone/ours" "$1" >"$undone/rest"
  write_file "$1" "$owner" "$mode" <"$undone/rest"
}

undo_temporary() { # OWNER PATH
  owner=$1
  shift
  grep -q "$TEMPORARY" "$*" 2>/dev/null || return 0
  mode=$(stat -c %a "$*")
  grep -v "$TEMPORARY" "$*" >"$undone/rest"
  write_file "$*" "$owner" "$mode" <"$undone/rest"
}

undo_mode() { # MODE OWNER PATH
  mode=$1 owner=$2
  shift 2
  as "$owner" chmod "$mode" "$*" </dev/null 2>/dev/null || :
}

undo_folder() { # OWNER PATH
  shift
  rmdir "$*" 2>/dev/null || :
}

undo_host_keys() {
  rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
}

undo_timer() {
  disarm
}

# After everything else, see undo_run().
undo_account() {
  :
}

undo_unit() { # UNIT ENABLED ACTIVE
  if [ "$2" = disabled ] && systemctl -q is-enabled "$1"; then systemctl -q disable "$1"; fi
  [ "$3" = active ] || systemctl -q stop "$1"
}

reload_after_undo() { # RUN
  if grep -q '^unit ssh.socket .* active$' "$1/steps"; then
    systemctl daemon-reload
    systemctl stop ssh.service
    systemctl restart ssh.socket
  elif grep -q '^unit ssh.service .* active$' "$1/steps"; then
    # One that could not listen has ended.
    if is_active ssh.service; then systemctl reload ssh.service; else systemctl start ssh.service; fi
  fi
}

# Only an account that nobody has worked in goes.
remove_account() { # NAME
  getent passwd "$1" >/dev/null || return 0
  home=$(getent passwd "$1" | cut -d: -f6)
  if [ -z "$(work_in "$home")" ] && [ "${SUDO_USER-}" != "$1" ] && patiently delete_account "$1"; then return; fi
  say "Kept the user $1 and \"$home\", which are in use. To remove both: userdel -r $1"
}

# A session takes a moment to end, and systemd's manager for the user stays on for longer: userdel minds both.
delete_account() { # NAME
  [ -z "$(loginctl list-sessions --no-legend 2>/dev/null | awk -v name="$1" '$3 == name')" ] || return 1
  systemctl -q --no-block stop "user@$(id -u "$1").service" 2>/dev/null
  userdel -r "$1" 2>/dev/null
}

# What is in a home beyond what it was born with and what a login leaves.
work_in() { # HOME
  find "$1" ! -type d ! -path "$1/.ssh/authorized_keys" ! -path "$1/.cache/motd*" ! -path "$1/.bash_history" |
    while IFS= read -r file; do
      cmp -s "$file" "/etc/skel/${file#"$1"/}" || printf '%s\n' "$file"
    done
}

# ---- Ends ----

# Tries it until it succeeds, for a quarter of a minute.
patiently() { # COMMAND...
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 75 ] || return 1
    sleep 0.2
  done
}

clean_up() {
  status=$?
  trap '' HUP INT TERM
  if [ -n "$PROBE" ]; then kill "$PROBE" 2>/dev/null; fi
  if [ -n "$RUN" ]; then undo_run "$RUN"; fi
  if [ -n "$STAGE" ]; then rm -rf "$STAGE"; fi
  exit "$status"
}

# What a program said first about its failure, with the files where they really are.
reason() {
  head -n 1 "$STAGE/errors" | tr -d '\r' | sed "s#$STAGE/etc/#/etc/ssh/#"
}

say() {
  printf '%s\n' "$1"
}

bad_usage() {
  fail 2 "$1" 'sh sshd-setup.sh --help'
}

fail() { # STATUS MESSAGE NEXT
  printf 'error: %s\n  try: %s\n' "$2" "$3" >&2
  exit "$1"
}

main "$@"
