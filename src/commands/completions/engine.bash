# Nothing that was typed, and nothing that kugetsu prints, is evaluated: no eval, no compgen -W.

# Sets words to those up to the cursor, the current one last. Bash splits at the : and = that refs and options
# contain (COMP_WORDBREAKS): what has no space in between is put together again.
_kugetsu_words() {
  local rest=${COMP_LINE:0:COMP_POINT} gap word i
  words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=${rest%%[![:space:]]*}
    rest=${rest#"$gap"}
    word=${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then word=$rest; fi
    rest=${rest#"$word"}
    if [[ $i -gt 0 && -z $gap ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
  done
}

# Offers those of the given words that begin with what was typed, without the part that bash holds for settled.
_kugetsu_offer() {
  local word
  for word; do
    if [[ $word == "$current"* ]]; then COMPREPLY+=("${word#"$settled"}"); fi
  done
}

_kugetsu_offer_refs() {
  local ref
  while IFS= read -r ref; do
    # Bash puts an offer into the line as it is, so nothing that it could act on may be in one.
    if [[ $ref != *[!A-Za-z0-9._~:/#-]* ]]; then _kugetsu_offer "$ref"; fi
  done < <(command kugetsu __refs "$path" 2>/dev/null </dev/null)
  if [[ ${COMPREPLY[0]-} == *'#' ]]; then compopt -o nospace 2>/dev/null; fi
}

# Leaves names of files to readline, which quotes them; where bash is too old for that they come as they are.
_kugetsu_offer_files() {
  local name
  if compopt -o "$1" 2>/dev/null; then return; fi
  while IFS= read -r name; do
    COMPREPLY+=("$name")
  done < <(compgen "$2" -- "${current#"$settled"}")
}

# Offers what a value can be ($1), each word with $2 before it.
_kugetsu_offer_value() {
  local word
  case $1 in
    '<ref>') _kugetsu_offer_refs ;;
    '<file>') _kugetsu_offer_files default -f ;;
    '<folder>') _kugetsu_offer_files dirnames -d ;;
    *) for word in $1; do _kugetsu_offer "${2-}$word"; done ;;
  esac
}

_kugetsu() {
  local IFS=$' \t\n' path='' count=0 literal='' pending='' settled='' current word value breaks
  local commands options arguments repeats words
  COMPREPLY=()
  _kugetsu_words
  current=${words[${#words[@]} - 1]}
  unset "words[${#words[@]}-1]" "words[0]"

  _kugetsu_place ''
  for word in ${words[@]+"${words[@]}"}; do
    if [[ $pending && $word != -* ]]; then
      pending=''
    elif [[ -z $literal && $word == -- ]]; then
      literal=1
    elif [[ -z $literal && $word == -* ]]; then
      pending=''
      if _kugetsu_value "${path:+$path }$word"; then pending="${path:+$path }$word"; fi
    elif [[ $count -eq 0 && " $commands " == *" $word "* ]]; then
      path=${path:+$path }$word
      _kugetsu_place "$path"
    else
      count=$((count + 1))
    fi
  done

  if [[ $current == [\"\']* ]]; then
    # Within quotes bash splits nothing, and the quote is no part of the word.
    current=${current:1}
  else
    breaks=${COMP_WORDBREAKS//[!:=]/}
    if [[ $breaks && $current == *["$breaks"]* ]]; then
      settled=${current%"${current##*["$breaks"]}"}
    fi
  fi

  if [[ -z $literal && $current == --*=* ]]; then
    word=${current%%=*}
    if _kugetsu_value "${path:+$path }$word"; then _kugetsu_offer_value "$value" "$word="; fi
  elif [[ -z $literal && $current == -* ]]; then
    # shellcheck disable=SC2086 # one word each
    _kugetsu_offer $options
  elif [[ $pending ]]; then
    _kugetsu_value "$pending"
    _kugetsu_offer_value "$value"
  elif [[ $count -eq 0 && $commands ]]; then
    # shellcheck disable=SC2086 # one word each
    _kugetsu_offer $commands
  else
    _kugetsu_offer_value "${arguments[count]-$repeats}"
  fi
}

complete -F _kugetsu kugetsu
