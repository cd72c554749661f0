#!/bin/bash
# Sources the bash completion and asks it what bash would; holds both completions to --help.
# usage: completion_test.sh SOURCE_ROOT SHARDRUN
set -u
ROOT=$1
SHARDRUN=$2
failures=0

fail() {
    echo "FAILED: $1"
    failures=$((failures + 1))
}

# shellcheck source=/dev/null
. "$ROOT/src/cli/completion/shardrun.bash"

# Answers as a supervisor with shards 7 and 12 would let it.
fake=$(mktemp -d)
trap 'rm -rf "$fake"' EXIT
printf '#!/bin/sh\nprintf '\''[\\n  {\\n    "kind": "listed",\\n    "shard": 7,\\n  },\\n  {\\n    "shard": 12\\n  }\\n]\\n'\''\n' >"$fake/shardrun"
chmod +x "$fake/shardrun"

# The answers for the words given, the last of which is being typed.
answers() {
    COMP_WORDS=("$fake/shardrun" "$@")
    COMP_CWORD=$#
    _shardrun
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

expect() {
    local wanted=$1 got
    shift
    got=$(answers "$@")
    [ "$got" = "$wanted" ] || fail "after 'shardrun $*': '$got' instead of '$wanted'"
}

expect 'release replay run ' r
expect '12 7 ' inspect ''
expect '12 ' inspect 1
expect '12 7 ' exec ''
expect '12 7 ' exec --tty never ''
expect '12 7 ' exec --report ''
expect '12 7 ' run --shard ''
expect 'always auto ' run --tty a
expect '--memory --memory-high ' run --mem
expect 'KILL ' kill --signal K
expect '12 7 ' kill --signal KILL ''
expect '--print-config ' serve --p
expect 'image inspect ' i
expect 'import inspect ' image i
expect '--store ' blob rm --s
expect 'keep ' image import --special k
expect 's3-fifo sieve ' replay --evict s
expect 'none ' replay --predict ''
expect '--cache-bytes --cache-objects --cache-percent ' replay --cache
[[ " $(answers exec 7 tr) " == *" true "* ]] || fail "exec does not complete programs"
[[ " $(cd "$ROOT" && answers replay --limit 5 READ) " == *" README.md "* ]] || fail "replay does not complete files"
[[ " $(answers run tru) " == *" true "* ]] || fail "run does not complete programs"

commands=$("$SHARDRUN" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ "$(wc -w <<<"$commands")" -eq 14 ] || fail "--help lists $(wc -w <<<"$commands") commands instead of 14"
# The options of a command, which may be two words, are the same everywhere.
check_options() {
    local command=$1 options option
    # shellcheck disable=SC2086
    options=$("$SHARDRUN" $command --help | sed -n '/^Options:/,/^$/s/^  [^ ]*\(--[a-z-]*\).*/\1/p')
    [ -n "$options" ] || fail "'$command --help' lists no options"
    [ "$(tr ' ' '\n' <<<"$(_shardrun_options "$command")" | sort)" = "$(sort <<<"$options")" ] ||
        fail "bash completes other options of '$command' than --help lists"
    for option in $options; do
        grep -q -e "$option" "$ROOT/src/cli/completion/_shardrun" || fail "zsh does not know '$option'"
        grep -q -e "Fl -${option#--}" -e ", -${option#--} " "$ROOT/man/shardrun.8" || fail "shardrun(8) does not tell '$option' of '$command'"
    done
}

for command in $commands; do
    [[ " $(answers "$command") " == *" $command "* ]] || fail "bash does not know the command '$command'"
    grep -q "'$command:" "$ROOT/src/cli/completion/_shardrun" || fail "zsh does not know the command '$command'"
    grep -q "^\.Ss $command$" "$ROOT/man/shardrun.8" || fail "shardrun(8) has no section on '$command'"
    subcommands=$(_shardrun_subcommands "$command")
    if [ -z "$subcommands" ]; then
        check_options "$command"
        continue
    fi
    listed=$("$SHARDRUN" "$command" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
    [ "$(tr ' ' '\n' <<<"$subcommands")" = "$listed" ] || fail "bash knows other words behind '$command' than --help lists"
    for subcommand in $listed; do
        grep -q "'$subcommand:" "$ROOT/src/cli/completion/_shardrun" || fail "zsh does not know '$command $subcommand'"
        grep -q "^\.It Cm $command $subcommand" "$ROOT/man/shardrun.8" || fail "shardrun(8) does not tell '$command $subcommand'"
        check_options "$command $subcommand"
    done
done

if command -v zsh >/dev/null; then
    zsh -n "$ROOT/src/cli/completion/_shardrun" || fail "zsh cannot parse its completion"
fi
[ "$failures" -eq 0 ] && echo "completion: every command and option is known"
exit $((failures > 0))
