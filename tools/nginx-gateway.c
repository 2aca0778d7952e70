/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway: keys, tokens and consumers on the command line.
 *
 * The tool and the module use the same code: they accept the same tokens and
 * refuse others for the same reasons.  This file has the command line and the
 * help; the commands are in gw_command_*.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_tool.h"


#define GW_MAIN_MAX_SHOWN  20   /* bytes of an unknown option */
#define GW_MAIN_WIDTH      14   /* of the longest noun and verb */


static const gw_command_t *const  gw_commands[] = {
    &gw_command_jwk_generate,
    &gw_command_jwk_import,
    &gw_command_jwk_public,
    &gw_command_jwt_sign,
    &gw_command_jwt_verify,
    &gw_command_jws_sign,
    &gw_command_jws_verify,
    &gw_command_key_new,
    &gw_command_key_hash,
    &gw_command_consumers_check,
    NULL
};


static int gw_main_run(const gw_command_t *command, int argc, char **argv);
static int gw_main_parse(const gw_command_t *command, gw_args_t *args,
    int argc, char **argv);
static int gw_main_option(const gw_command_t *command, gw_args_t *args,
    char **argv, int *i);
static const gw_opt_t *gw_main_find_option(const gw_command_t *command,
    const char *name, size_t len);
static const gw_command_t *gw_main_find(const char *noun, const char *verb);
static int gw_main_is_help(const char *word);
static int gw_main_wants_help(const gw_command_t *command, int argc,
    char **argv);
static int gw_main_is_noun(const char *word);
static int gw_main_help(const char *noun);
static int gw_main_command_help(const gw_command_t *command);
static int gw_main_usage(const gw_command_t *command);


int
main(int argc, char **argv)
{
    const gw_command_t  *command;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("nginx-gateway " GW_TOOL_VERSION);
        return gw_tool_flush();
    }

    if (argc == 2 && gw_main_is_help(argv[1])) {
        return gw_main_help(NULL);
    }

    if (argc == 3 && gw_main_is_help(argv[2]) && gw_main_is_noun(argv[1])) {
        return gw_main_help(argv[1]);
    }

    if (argc < 3) {
        return gw_main_usage(NULL);
    }

    command = gw_main_find(argv[1], argv[2]);

    if (command == NULL) {

        /* the words are not shown: they may be a token */

        gw_tool_error(0, "unknown command");
        return gw_main_usage(NULL);
    }

    return gw_main_run(command, argc - 3, argv + 3);
}


static int
gw_main_run(const gw_command_t *command, int argc, char **argv)
{
    int        rc;
    gw_args_t  args;

    if (gw_main_wants_help(command, argc, argv)) {
        return gw_main_command_help(command);
    }

    memset(&args, 0, sizeof(gw_args_t));
    args.args = calloc((size_t) argc + 1, sizeof(gw_arg_t));
    args.files = calloc((size_t) argc + 1, sizeof(char *));

    if (args.args == NULL || args.files == NULL) {
        rc = gw_tool_error(GW_EXIT_FILE, "memory ran out");

    } else {
        rc = gw_main_parse(command, &args, argc, argv);
    }

    if (rc == GW_EXIT_OK) {
        rc = command->run(&args);
    }

    free(args.args);
    free(args.files);

    return rc;
}


static int
gw_main_parse(const gw_command_t *command, gw_args_t *args, int argc,
    char **argv)
{
    int  i, only_files;

    only_files = 0;

    for (i = 0; i < argc; i++) {

        if (only_files || argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
            args->files[args->nfiles++] = argv[i];
            args->nstdin += strcmp(argv[i], "-") == 0;

        } else if (strcmp(argv[i], "--") == 0) {
            only_files = 1;

        } else if (gw_main_option(command, args, argv, &i) != 0) {
            return gw_main_usage(command);
        }
    }

    if (args->nfiles < command->min_files) {
        gw_tool_error(0, "an argument is missing");
        return gw_main_usage(command);
    }

    if (args->nfiles > command->max_files) {
        gw_tool_error(0, "too many arguments");
        return gw_main_usage(command);
    }

    if (args->nstdin > 1) {
        return gw_tool_error(GW_EXIT_USAGE, "only one argument can be \"-\": "
                             "standard input is read once");
    }

    return GW_EXIT_OK;
}


/* "--name value" or "--name=value"; argv ends with NULL */

static int
gw_main_option(const gw_command_t *command, gw_args_t *args, char **argv,
    int *i)
{
    size_t           len;
    gw_arg_t        *arg;
    const char      *name, *value;
    const gw_opt_t  *opt;

    name = argv[*i];
    value = strchr(name, '=');
    len = value ? (size_t) (value - name) : strlen(name);

    opt = gw_main_find_option(command, name, len);

    if (opt->name == NULL && len > GW_MAIN_MAX_SHOWN) {

        /* an API key may begin with "-" */

        gw_tool_error(0, "unknown option");
        return -1;
    }

    if (opt->name == NULL) {
        gw_tool_error(0, "unknown option \"%.*s\"", (int) len, name);
        return -1;
    }

    if (opt->value == NULL && value != NULL) {
        gw_tool_error(0, "%s takes no value", opt->name);
        return -1;
    }

    if (opt->value == NULL) {
        value = "";

    } else if (value != NULL) {
        value++;

    } else {
        value = argv[++*i];
    }

    if (value == NULL) {
        gw_tool_error(0, "%s requires a value", opt->name);
        return -1;
    }

    arg = &args->args[args->n++];
    arg->id = opt->id;
    arg->value = value;

    args->nstdin += opt->value != NULL && strcmp(opt->value, "FILE") == 0
                    && strcmp(value, "-") == 0;

    return 0;
}


/* returns the row without a name if there is none */

static const gw_opt_t *
gw_main_find_option(const gw_command_t *command, const char *name, size_t len)
{
    const gw_opt_t  *opt;

    for (opt = command->options; opt->name != NULL; opt++) {
        if (strlen(opt->name) == len && memcmp(opt->name, name, len) == 0) {
            break;
        }
    }

    return opt;
}


static const gw_command_t *
gw_main_find(const char *noun, const char *verb)
{
    const gw_command_t *const  *command;

    for (command = gw_commands; *command != NULL; command++) {
        if (strcmp((*command)->noun, noun) == 0
            && strcmp((*command)->verb, verb) == 0)
        {
            break;
        }
    }

    return *command;
}


static int
gw_main_is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}


/* also after an invalid argument, but not as the value of an option */

static int
gw_main_wants_help(const gw_command_t *command, int argc, char **argv)
{
    int              i;
    const gw_opt_t  *opt;

    for (i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {

        if (gw_main_is_help(argv[i])) {
            return 1;
        }

        opt = gw_main_find_option(command, argv[i], strlen(argv[i]));
        i += opt->name != NULL && opt->value != NULL;
    }

    return 0;
}


static int
gw_main_is_noun(const char *word)
{
    const gw_command_t *const  *command;

    for (command = gw_commands; *command != NULL; command++) {
        if (strcmp((*command)->noun, word) == 0) {
            return 1;
        }
    }

    return 0;
}


/* lists the commands of a noun, or all */

static int
gw_main_help(const char *noun)
{
    const gw_command_t *const  *command;

    printf("usage: nginx-gateway %s VERB [options]\n\n", noun ? noun : "NOUN");

    for (command = gw_commands; *command != NULL; command++) {

        if (noun != NULL && strcmp((*command)->noun, noun) != 0) {
            continue;
        }

        printf("  %s %-*s  %s\n", (*command)->noun,
               GW_MAIN_WIDTH - (int) strlen((*command)->noun),
               (*command)->verb, (*command)->summary);
    }

    printf("\n"
           "\"nginx-gateway %s VERB --help\" describes a command; --version "
           "prints the\nversion.  A file named \"-\" is standard input.\n"
           "Exit codes: 0 success, 1 the token is refused, 2 wrong usage, "
           "3 a file or key\ncannot be used.\n", noun ? noun : "NOUN");

    return gw_tool_flush();
}


static int
gw_main_command_help(const gw_command_t *command)
{
    char             name[64];
    const gw_opt_t  *opt;

    printf("usage: nginx-gateway %s %s %s\n\n%s.\n%s\n", command->noun,
           command->verb, command->usage, command->summary, command->help);

    for (opt = command->options; opt->name != NULL; opt++) {
        snprintf(name, sizeof(name), "%s%s%s", opt->name,
                 opt->value ? " " : "", opt->value ? opt->value : "");

        printf("  %-26s %s\n", name, opt->help);
    }

    if (command->more != NULL) {
        command->more();
    }

    return gw_tool_flush();
}


static int
gw_main_usage(const gw_command_t *command)
{
    if (command == NULL) {
        fprintf(stderr, "usage: nginx-gateway NOUN VERB [options], "
                        "see nginx-gateway --help\n");

    } else {
        fprintf(stderr, "usage: nginx-gateway %s %s %s\n", command->noun,
                command->verb, command->usage);
    }

    return GW_EXIT_USAGE;
}
