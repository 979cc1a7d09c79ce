//! The scripts of the shells. Each asks the program that is being called, and shows what it says.

use super::Shell;

pub(super) const fn of(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    }
}

const BASH: &str = r#"# kestrel completion bash: eval "$(kestrel completion bash)" in ~/.bashrc
_kestrel() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    [[ $line == */ ]] && compopt -o nospace
    COMPREPLY+=("$(printf %q "$line")")
  done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kestrel kestrel
"#;

const ZSH: &str = r#"#compdef kestrel
# kestrel completion zsh: eval "$(kestrel completion zsh)" in ~/.zshrc, after compinit
_kestrel() {
  local -a lines shown
  local line value
  lines=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    value=${line%%$'\t'*}
    value=${value//:/\\:}
    if [[ $line == *$'\t'* ]]; then shown+=("$value:${line#*$'\t'}"); else shown+=("$value"); fi
  done
  _describe 'kestrel' shown
}
compdef _kestrel kestrel
"#;

const FISH: &str = r#"# kestrel completion fish: kestrel completion fish | source in ~/.config/fish/config.fish
function __kestrel_complete
    set -l words (commandline -opc)
    $words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c kestrel -f -a '(__kestrel_complete)'
"#;
