# Completion of shardrun(8) for bash.
# Every answer is one word: no name or number here has spaces.
# shellcheck disable=SC2207

_shardrun_options() {
    local program='--env --cwd --tty --timeout --socket --json-info --report --help'
    case "$1" in
        run)
            echo "--shard --cpus --cpu-weight --cpuset --memory --memory-high --swap --pids --io-max --io-weight" \
                "--tmpfs --files --network --seccomp --cap --userns --hostname --profile --embedded --no-embedded" \
                "--best-effort --config $program"
            ;;
        exec) echo "$program" ;;
        ls | inspect | stats) echo "--socket --json --help" ;;
        events) echo "--socket --json --follow --help" ;;
        kill) echo "--signal --socket --help" ;;
        release) echo "--socket --help" ;;
        serve) echo "--config --best-effort --check --print-config --help" ;;
        replay) echo "--evict --cache-objects --cache-bytes --cache-percent --predict --limit --json --help" ;;
        doctor) echo "--json --help" ;;
        version) echo "--help" ;;
    esac
}

# The numbers of the shards there are; nothing when no supervisor answers.
_shardrun_shards() {
    "$1" ls --json 2>/dev/null | sed -n 's/^    "shard": \([0-9]*\),\{0,1\}$/\1/p'
}

# The value of the option $1 of the command $2; false when $1 takes none.
_shardrun_value() {
    case "$1" in
        --shard) COMPREPLY=($(compgen -W "$(_shardrun_shards "$3")" -- "$cur")) ;;
        --network) COMPREPLY=($(compgen -W 'none host' -- "$cur")) ;;
        --tty) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")) ;;
        --signal) COMPREPLY=($(compgen -W 'TERM KILL INT HUP QUIT USR1 USR2 STOP CONT' -- "$cur")) ;;
        --env) COMPREPLY=($(compgen -v -- "$cur")) ;;
        --seccomp) COMPREPLY=($(compgen -W default -- "$cur") $(compgen -f -- "$cur")) ;;
        --evict) COMPREPLY=($(compgen -W 'fifo lru lfu gdsf arc sieve s3-fifo w-tinylfu all' -- "$cur")) ;;
        --predict) COMPREPLY=($(compgen -W none -- "$cur")) ;;
        --config | --socket | --json-info) COMPREPLY=($(compgen -f -- "$cur")) ;;
        --cpus | --cpu-weight | --cpuset | --memory | --memory-high | --swap | --pids | --io-max | --io-weight | \
            --cache-objects | --cache-bytes | --cache-percent | --limit | --tmpfs | --files | --cap | --hostname | --profile | --cwd | --timeout) ;;
        *) return 1 ;;
    esac
}

# How many words before the current one are neither options nor their values.
_shardrun_operands() {
    local i count=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            --) ;;
            --embedded | --no-embedded | --best-effort | --userns | --report | --json | --follow | --help | -h) ;;
            --*) ((i++)) ;;
            *) ((count++)) ;;
        esac
    done
    echo "$count"
}

_shardrun() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'run exec ls inspect stats events kill release serve replay doctor version --help' -- "$cur"))
        return
    fi
    _shardrun_value "$previous" "$command" "${COMP_WORDS[0]}" && return
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_shardrun_options "$command")" -- "$cur"))
        return
    fi
    case "$command" in
        inspect | stats | kill | release) COMPREPLY=($(compgen -W "$(_shardrun_shards "${COMP_WORDS[0]}")" -- "$cur")) ;;
        exec)
            if (($(_shardrun_operands) == 0)); then
                COMPREPLY=($(compgen -W "$(_shardrun_shards "${COMP_WORDS[0]}")" -- "$cur"))
            else
                COMPREPLY=($(compgen -c -- "$cur"))
            fi
            ;;
        run) COMPREPLY=($(compgen -c -- "$cur")) ;;
        replay) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}

complete -F _shardrun shardrun
