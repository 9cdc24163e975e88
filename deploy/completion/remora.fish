# fish completion of remora(1).
# SPDX-License-Identifier: Apache-2.0
complete -c remora -f
complete -c remora -n __fish_use_subcommand -a run -d 'serve the endpoints of a configuration'
complete -c remora -n __fish_use_subcommand -a check -d 'say what is wrong with a configuration'
complete -c remora -n __fish_use_subcommand -a graph -d 'draw the endpoints and their backends'
complete -c remora -n __fish_use_subcommand -a keys -d 'explain every key of a configuration'
complete -c remora -n __fish_use_subcommand -a version -d 'print the version'
complete -c remora -n __fish_use_subcommand -a help -d 'explain remora'
complete -c remora -n '__fish_seen_subcommand_from run check graph' -s c -l config -r -F -d 'the configuration'
complete -c remora -n '__fish_seen_subcommand_from run' -s p -l port -x -d 'listen here'
complete -c remora -n '__fish_seen_subcommand_from run check' -s d -l debug -d 'log everything, or print what was understood'
complete -c remora -n '__fish_seen_subcommand_from check' -s t -l test -d 'also open files and ports'
complete -c remora -n '__fish_seen_subcommand_from check' -l strict -d 'unknown keys are errors'
complete -c remora -n '__fish_seen_subcommand_from graph' -l format -x -a 'mermaid dot' -d 'as what'
complete -c remora -n '__fish_seen_subcommand_from keys' -l format -x -a 'markdown schema' -d 'as what'
complete -c remora -n '__fish_seen_subcommand_from run check graph keys' -s h -l help -d explain
