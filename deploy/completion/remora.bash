# bash completion of remora(1).
# SPDX-License-Identifier: Apache-2.0
_remora() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'run check graph keys version help --help --version' -- "$word")
        return
    fi
    case $before in
    -c | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        return
        ;;
    -p | --port) return ;;
    --format)
        [ "${COMP_WORDS[1]}" = keys ] && words='markdown schema' || words='mermaid dot'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
        ;;
    esac
    case ${COMP_WORDS[1]} in
    run) words='-c --config -p --port -d --debug -h --help' ;;
    check) words='-c --config -t --test -d --debug --strict -h --help' ;;
    graph) words='-c --config --format -h --help' ;;
    keys) words='--format -h --help' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _remora remora
