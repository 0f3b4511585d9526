"""The scripts for bash, zsh and fish, and where each shell looks for them.

They only hand over the line: what fits is decided by the orderctl that is installed, so a script written once
stays right. Where orderctl fails, nothing is offered and nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BASH = """\
# bash completion for orderctl
_orderctl() {
    local IFS=$'\\n'
    local -x ORDERCTL_WORDBREAKS=$COMP_WORDBREAKS
    COMPREPLY=($(orderctl __complete bash "$COMP_LINE" "$COMP_POINT" 2>/dev/null))
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == :files ]]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == --*= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _orderctl orderctl
"""

ZSH = """\
#compdef orderctl
# zsh completion for orderctl
_orderctl() {
    local -a lines found
    local line
    lines=("${(@f)$(orderctl __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${#lines} -eq 1 && ${lines[1]} == :files ]]; then
        _files
        return
    fi
    for line in $lines; do
        if [[ $line == *$'\\t'* ]]; then
            found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
        elif [[ -n $line ]]; then
            found+=("${line//:/\\\\:}")
        fi
    done
    _describe -V orderctl found
}
if [[ $funcstack[1] == _orderctl ]]; then
    _orderctl "$@"
else
    compdef _orderctl orderctl
fi
"""

FISH = """\
# fish completion for orderctl
function __orderctl_complete
    set -l typed (commandline -opc) (commandline -ct)
    set -l found (orderctl __complete fish $typed[2..-1] 2>/dev/null)
    if test "$found" = :files
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\\n' $found
end
complete -c orderctl -f -a '(__orderctl_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def place(shell: str, environ: Mapping[str, str]) -> Path:
    """The file of the user's own that the shell reads completions of `orderctl` from."""
    data = _base(environ, "XDG_DATA_HOME", ".local/share")
    if shell == "bash":
        return _named(environ.get("BASH_COMPLETION_USER_DIR"), data / "bash-completion") / "completions" / "orderctl"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_orderctl"
    return _base(environ, "XDG_CONFIG_HOME", ".config") / "fish" / "completions" / "orderctl.fish"


def what_is_left(shell: str, path: Path) -> str | None:
    """What the user has to do once for the shell to read it, or None."""
    if shell == "bash":
        return f"read by the package bash-completion; without it, put this into ~/.bashrc: source {path}"
    if shell == "zsh":
        return f"put this into ~/.zshrc, before compinit: fpath=({path.parent} $fpath)"
    return None


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return _named(environ.get(variable), home / below_home)


def _named(path: str | None, otherwise: Path) -> Path:
    """The XDG rule: a relative value is ignored."""
    return Path(path) if path and Path(path).is_absolute() else otherwise
