#include <string.h>

#include "cli/manual.h"

static bool takes_file(const struct option_spec *spec)
{
    return spec->argument && strstr(spec->argument, "FILE");
}

static void write_commands(const char *separator, FILE *to)
{
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "%s%s", i > 0 ? separator : "", command_name((enum command)i));
}

/* "tcp|udp" as "tcp udp" */
static void write_choices(const struct option_spec *spec, FILE *to)
{
    for (const char *at = spec->choices; *at; at++)
        fputc(*at == '|' ? ' ' : *at, to);
}

static void write_bash_value(const struct option_spec *spec, enum command command, FILE *to)
{
    if (!spec->argument)
        return;
    fprintf(to, "        %s:--%s", command_name(command), spec->name);
    if (spec->letter)
        fprintf(to, "|%s:-%c", command_name(command), spec->letter);
    if (spec->choices) {
        fputs(") COMPREPLY=($(compgen -W \"", to);
        write_choices(spec, to);
        fputs("\" -- \"$cur\")); return ;;\n", to);
    } else if (takes_file(spec)) {
        fputs(") compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", to);
    } else {
        fputs(") return ;;\n", to);
    }
}

static void write_bash_words(enum command command, FILE *to)
{
    fprintf(to, "        %s) words=\"", command_name(command));
    for (unsigned i = 0; i < option_count; i++) {
        if (options_knows(&option_table[i], command))
            fprintf(to, "--%s ", option_table[i].name);
    }
    fputs("\" ;;\n", to);
}

void completion_write_bash(FILE *to)
{
    fputs("# bash completion for rtspbench\n_rtspbench() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=run "
          "words=\n"
          "    COMPREPLY=()\n    case ${COMP_WORDS[1]} in\n        ",
          to);
    write_commands("|", to);
    fputs(") [ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]} ;;\n    esac\n"
          "    case $command:$prev in\n",
          to);
    for (int command = 0; command < COMMANDS; command++) {
        for (unsigned i = 0; i < option_count; i++) {
            if (options_knows(&option_table[i], (enum command)command))
                write_bash_value(&option_table[i], (enum command)command, to);
        }
    }
    fputs("    esac\n    case $command in\n", to);
    for (int command = 0; command < COMMANDS; command++)
        write_bash_words((enum command)command, to);
    fputs("    esac\n"
          "    if [ \"${cur:0:1}\" = - ]; then\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    elif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          to);
    write_commands(" ", to);
    fputs("\" -- \"$cur\"))\n"
          "    elif [ \"$command\" = report ] || [ \"$command\" = compare ]; then\n"
          "        compopt -o filenames\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
          "    fi\n}\ncomplete -F _rtspbench rtspbench\n",
          to);
}

/* Within single quotes and brackets. */
static void write_zsh_help(const char *help, FILE *to)
{
    for (; *help; help++) {
        if (*help == '\'')
            fputs("'\\''", to);
        else if (strchr("[]:\\", *help))
            fprintf(to, "\\%c", *help);
        else
            fputc(*help, to);
    }
}

static void write_zsh_value(const struct option_spec *spec, FILE *to)
{
    if (!spec->argument)
        return;
    fputc(':', to);
    write_zsh_help(spec->argument, to);
    fputc(':', to);
    if (spec->choices) {
        fputc('(', to);
        write_choices(spec, to);
        fputc(')', to);
    } else if (takes_file(spec)) {
        fputs("_files", to);
    } else {
        fputc(' ', to);
    }
}

static void write_zsh_form(const struct option_spec *spec, bool letter, FILE *to)
{
    fprintf(to, "                '%s", spec->repeatable ? "*" : "");
    if (letter)
        fprintf(to, "-%c%s[", spec->letter, spec->argument ? "+" : "");
    else
        fprintf(to, "--%s%s[", spec->name, spec->argument ? "=" : "");
    write_zsh_help(spec->help, to);
    fputs("]", to);
    write_zsh_value(spec, to);
    fputs("' \\\n", to);
}

static void write_zsh_command(enum command command, FILE *to)
{
    bool files = command == COMMAND_REPORT || command == COMMAND_COMPARE;
    fprintf(to, "        %s)\n            _arguments -s \\\n", command_name(command));
    for (unsigned i = 0; i < option_count; i++) {
        const struct option_spec *spec = &option_table[i];
        if (!options_knows(spec, command))
            continue;
        write_zsh_form(spec, false, to);
        if (spec->letter)
            write_zsh_form(spec, true, to);
    }
    fprintf(to, "                '*:%s ;;\n", files ? "result:_files'" : "URL: '");
}

void completion_write_zsh(FILE *to)
{
    fputs("#compdef rtspbench\n_rtspbench() {\n    local command=run\n"
          "    if (( CURRENT > 2 )); then\n        case $words[2] in\n            ",
          to);
    write_commands("|", to);
    fputs(")\n                command=$words[2]\n                shift words\n"
          "                (( CURRENT-- )) ;;\n        esac\n"
          "    elif [[ $words[2] != -* ]]; then\n        compadd ",
          to);
    write_commands(" ", to);
    fputs("\n        return\n    fi\n    case $command in\n", to);
    for (int command = 0; command < COMMANDS; command++)
        write_zsh_command((enum command)command, to);
    fputs("    esac\n}\n_rtspbench \"$@\"\n", to);
}

static void write_fish_option(const struct option_spec *spec, enum command command, FILE *to)
{
    if (command == COMMAND_RUN) {
        fputs("complete -c rtspbench -n 'not __fish_seen_subcommand_from", to);
        for (int i = 0; i < COMMANDS; i++)
            fprintf(to, "%s%s", i == COMMAND_RUN ? "" : " ",
                    i == COMMAND_RUN ? "" : command_name((enum command)i));
        fputc('\'', to);
    } else {
        fprintf(to, "complete -c rtspbench -n '__fish_seen_subcommand_from %s'",
                command_name(command));
    }
    fprintf(to, " -l %s", spec->name);
    if (spec->letter)
        fprintf(to, " -s %c", spec->letter);
    if (spec->argument)
        fputs(takes_file(spec) ? " -r -F" : " -x", to);
    if (spec->choices) {
        fputs(" -a '", to);
        write_choices(spec, to);
        fputc('\'', to);
    }
    fputs(" -d '", to);
    for (const char *at = spec->help; *at; at++)
        fprintf(to, strchr("'\\", *at) ? "\\%c" : "%c", *at);
    fputs("'\n", to);
}

void completion_write_fish(FILE *to)
{
    fputs("# fish completion for rtspbench\ncomplete -c rtspbench -f\n", to);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "complete -c rtspbench -n __fish_use_subcommand -a %s\n",
                command_name((enum command)i));
    fprintf(to, "complete -c rtspbench -n '__fish_seen_subcommand_from %s %s' -F\n",
            command_name(COMMAND_REPORT), command_name(COMMAND_COMPARE));
    for (int command = 0; command < COMMANDS; command++) {
        for (unsigned i = 0; i < option_count; i++) {
            if (options_knows(&option_table[i], (enum command)command))
                write_fish_option(&option_table[i], (enum command)command, to);
        }
    }
}
