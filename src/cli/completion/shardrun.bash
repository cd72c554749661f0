# Completion of shardrun(8) for bash.
# Every answer is one word: no name or number here has spaces.
# shellcheck disable=SC2207

_shardrun_options() {
    local program='--env --cwd --tty --timeout --socket --json-info --report --help'
    case "$1" in
        run)
            echo "--shard --cpus --cpu-weight --cpuset --memory --memory-high --swap --pids --io-max --io-weight" \
                "--tmpfs --files --network --seccomp --cap --userns --hostname --profile --embedded --no-embedded" \
                "--best-effort --config --image --prefetch --prefetch-wait --no-prefetch --record --store --origin $program"
            ;;
        exec) echo "$program" ;;
        ls | inspect | stats) echo "--socket --json --help" ;;
        events) echo "--socket --json --follow --help" ;;
        kill) echo "--signal --socket --help" ;;
        release) echo "--socket --help" ;;
        serve) echo "--config --best-effort --check --print-config --help" ;;
        replay) echo "--evict --cache-objects --cache-bytes --cache-percent --predict --limit --json --help" ;;
        'image import')
            echo "--name --without-blobs --platform --reference --special --max-entries --max-size --max-ratio --max-depth --max-name" \
                "--max-layers --max-memory --user --store --json --help"
            ;;
        'image inspect') echo "--entries --prior --store --json --help" ;;
        'image export' | 'blob get') echo "--output --store --help" ;;
        'image gc') echo "--dry-run --store --json --help" ;;
        'image verify') echo "--allow-missing --store --json --help" ;;
        'image ls' | 'image rm' | 'blob ls') echo "--store --json --help" ;;
        'blob put') echo "--name --store --help" ;;
        'blob rm') echo "--store --help" ;;
        doctor) echo "--json --help" ;;
        version) echo "--help" ;;
    esac
}

# The numbers of the shards there are; nothing when no supervisor answers.
_shardrun_shards() {
    "$1" ls --json 2>/dev/null | sed -n 's/^    "shard": \([0-9]*\),\{0,1\}$/\1/p'
}

# The words of the command $1 that is several; nothing for the others.
_shardrun_subcommands() {
    case "$1" in
        image) echo "import ls inspect export rm verify gc" ;;
        blob) echo "put get ls rm" ;;
    esac
}

# The names of what there is of $2, image or blob, in the store that the line names, or in root's.
_shardrun_stored() {
    local i store=()
    for ((i = 3; i < COMP_CWORD; i++)); do
        [ "${COMP_WORDS[i - 1]}" = --store ] && store=(--store "${COMP_WORDS[i]}")
    done
    if [ "$2" = image ]; then
        "$1" image ls "${store[@]}" 2>/dev/null | cut -f1
    else
        "$1" blob ls "${store[@]}" 2>/dev/null | cut -f5 | tr ' ' '\n' | grep -v '^-$'
    fi
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
        --special) COMPREPLY=($(compgen -W 'refuse skip keep' -- "$cur")) ;;
        --store | --origin) COMPREPLY=($(compgen -d -- "$cur")) ;;
        --image) COMPREPLY=($(compgen -W "$(_shardrun_stored "$3" image)" -- "$cur")) ;;
        --config | --socket | --json-info | --output | --prefetch | --record) COMPREPLY=($(compgen -f -- "$cur")) ;;
        --cpus | --cpu-weight | --cpuset | --memory | --memory-high | --swap | --pids | --io-max | --io-weight | \
            --name | --platform | --reference | --user | --max-entries | --max-size | --max-ratio | --max-depth | \
            --max-name | --max-layers | --max-memory | --cache-objects | --cache-bytes | --cache-percent | --limit | --tmpfs | --files | --cap | --hostname | --profile | --cwd | --timeout) ;;
        *) return 1 ;;
    esac
}

# How many words before the current one are neither options nor their values.
_shardrun_operands() {
    local i count=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            --) ;;
            --embedded | --no-embedded | --best-effort | --userns | --prefetch-wait | --no-prefetch | --report | --json | --follow | --entries | --prior | \
                --dry-run | --without-blobs | --allow-missing | --help | -h) ;;
            --*) ((i++)) ;;
            *) ((count++)) ;;
        esac
    done
    echo "$count"
}

_shardrun() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} subcommands
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'run exec ls inspect stats events kill release serve image blob replay doctor version --help' -- "$cur"))
        return
    fi
    subcommands=$(_shardrun_subcommands "$command")
    if [ -n "$subcommands" ]; then
        if ((COMP_CWORD == 2)); then
            COMPREPLY=($(compgen -W "$subcommands --help" -- "$cur"))
            return
        fi
        command="$command ${COMP_WORDS[2]}"
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
        replay | 'image import' | 'blob put') COMPREPLY=($(compgen -f -- "$cur")) ;;
        'image inspect' | 'image export' | 'image rm' | 'image verify')
            COMPREPLY=($(compgen -W "$(_shardrun_stored "${COMP_WORDS[0]}" image)" -- "$cur"))
            ;;
        'blob get' | 'blob rm') COMPREPLY=($(compgen -W "$(_shardrun_stored "${COMP_WORDS[0]}" blob)" -- "$cur")) ;;
    esac
}

complete -F _shardrun shardrun
