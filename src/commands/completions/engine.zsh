_kugetsu_refs() {
  local -a refs=(${(f)"$(command kugetsu __refs $1 2>/dev/null </dev/null)"}) ending=()
  # What ends so is only the beginning of a ref.
  if [[ $refs[1] == *'#' ]] ending=(-S '')
  local expl
  _wanted refs expl issue compadd "$ending[@]" -a refs
}

# Found in $fpath this file is the function's body; sourced, it is not.
if [[ $funcstack[1] == _kugetsu ]]; then
  _kugetsu "$@"
else
  compdef _kugetsu kugetsu
fi
