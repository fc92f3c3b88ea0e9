# The stand-in for opencode: see stand_in.ts, which puts `root`, `version` and `server` in front of this.
# Plain sh, and builtins wherever speed counts, so that a turn costs little more than a process.

number() {
  if read -r uuid </proc/sys/kernel/random/uuid; then :; else uuid=$$-$(date +%s); fi
  oldIFS=$IFS; IFS=-; set -- $uuid; IFS=$oldIFS
  number=$1$2$3$4$5
} 2>/dev/null

complain() { printf '\033[91m\033[1mError: \033[0m%s\n' "$1" >&2; }

# event TYPE PART: PART without the fields that every part has
event() {
  printf '{"type":"%s","timestamp":1795366219715,"sessionID":"%s","part":{"id":"prt_1","messageID":"msg_1","sessionID":"%s",%s}}\n' \
    "$1" "$session" "$session" "$2"
}
begin() { event step_start '"snapshot":"4b825dc6","type":"step-start"'; }
text() { event text "\"type\":\"text\",\"text\":\"$1\",\"time\":{\"start\":1,\"end\":2}"; }
finish() {
  event step_finish "\"reason\":\"$1\",\"snapshot\":\"4b825dc6\",\"type\":\"step-finish\",\"tokens\":{\"total\":15,\"input\":10,\"output\":5,\"reasoning\":0,\"cache\":{\"write\":0,\"read\":0}},\"cost\":0"
}
# A child in the foreground would keep a signal waiting, so that the end comes late.
linger() { "$@" </dev/null >/dev/null 2>&1 & }
for_ever() { linger sleep 600; wait; exit 0; }

turn() {
  fork='' session=''
  while [ $# -gt 0 ]; do
    case $1 in
      --session | -s) session=$2; shift ;;
      --session=*) session=${1#*=} ;;
      --fork) fork=1 ;;
    esac
    shift
  done
  cat >"$root/calls/$number.input"
  if ! [ -s "$root/calls/$number.input" ]; then
    complain 'You must provide a message or a command'; exit 1
  fi
  read -r order argument <"$root/order"
  if [ "$order" = once ]; then
    set -C
    if true 2>/dev/null >"$root/taken"; then
      order=${argument%% *} argument=${argument#"$order"} argument=${argument# }
    else
      order=say argument=ok
    fi
    set +C
  fi
  if [ -n "$session" ] && ! [ -e "$root/sessions/$session" ]; then order=lost; fi
  case $order in
    lost) complain 'Session not found'; exit 1 ;;
    locked) complain 'database is locked'; exit 1 ;;
    collide)
      complain 'Unexpected error'
      printf '\nFailed query: \n        CREATE TABLE `workspace` (`id` text PRIMARY KEY);\n      \nparams: \n' >&2
      exit 1 ;;
    exit) printf '%s\n' "${argument#* }" >&2; exit "${argument%% *}" ;;
    silent) exit 0 ;;
    hang) for_ever ;;
  esac
  if [ -z "$session" ] || [ -n "$fork" ]; then
    session=ses_$number
    printf %s "$folder" >"$root/sessions/$session"
  fi
  if [ "$order" = refuse ]; then
    printf '{"type":"error","timestamp":1795366219715,"sessionID":"%s","error":{"name":"APIError","data":{"message":"scripted %s","statusCode":%s,"isRetryable":false}}}\n' \
      "$session" "$argument" "$argument"
    exit 1
  fi
  if [ "$order" = garbage ]; then printf 'warning: no event\n{"type":"unheard-of"}\n{"half\n\n'; fi
  begin
  case $order in
    stall) for_ever ;;
    stubborn) trap '' INT TERM; for_ever ;;
    orphan) linger setsid sleep 600; for_ever ;;
    die) kill -s "$argument" $$ ;;
    cut) printf '{"type":"text","timest'; exit 0 ;;
    blocked)
      printf '\033[93m\033[1m! \033[0mpermission requested: external_directory (/etc/*); auto-rejecting\n' >&2
      event tool_use '"type":"tool","tool":"read","callID":"call_1","state":{"status":"error","input":{"filePath":"/etc/passwd"},"error":"The user rejected permission to use this specific tool call.","time":{"start":1,"end":2}}'
      finish tool-calls; exit 0 ;;
    huge) text "$(head -c "$argument" /dev/zero | tr '\0' x)" ;;
    many) left=$argument; while [ "$left" -gt 0 ]; do text ok; left=$((left - 1)); done ;;
    slow)
      left=${argument% *}
      while [ "$left" -gt 0 ]; do linger sleep "${argument#* }"; wait; text ok; left=$((left - 1)); done ;;
    garbage) text ok; printf 'and more\n' ;;
    say) text "$argument" ;;
    *) complain "The stand-in has no order: $order $argument"; exit 64 ;;
  esac
  finish stop
}

number
folder=$PWD before=''
for word do
  if [ "$before" = --dir ]; then folder=$word; fi
  before=$word
done
printf '%s\000' "$folder" "$@" >"$root/calls/$number"
case ${1-} in
  --version | -v) printf '%s\n' "$version" ;;
  run) shift; turn "$@" ;;
  serve) server ;;
  *) complain "The stand-in does not know: $*"; exit 64 ;;
esac
