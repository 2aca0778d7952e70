# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway;

# Test::Nginx::Socket for this project.  A test file needs only
#
#     use lib 't/lib';
#     use Test::Gateway;
#
#     run_tests();
#
#     __DATA__
#
# and no plan.  In addition to its own checks, each block has one that fails
# after an error that the block did not announce:
#
#   - a line of [alert], [crit] or [emerg] in the error log, also while nginx shuts
#     down.  A block announces it by a pattern in error_log, grep_error_log or
#     shutdown_error_log or, without asserting it, in allow_log; must_die
#     announces [emerg];
#   - a process ended by a signal, or a report of a sanitizer.  Only allow_log
#     announces these.
#
# nginx is stopped after each block, not when the next one starts as in
# Test::Nginx, so that the whole log can be checked.
#
# Additional sections:
#
#   allow_log  patterns, one per line (or a regex, or an array of both)
#   token      a token, sent as "Authorization: Bearer"
#   jwks       names of keys, whose public set becomes html/jwks.json
#   consumers  a consumers file, which becomes html/consumers.json
#   single     one process without a master, also in the pass with a master
#   master     a master and this many workers (empty: 2), in both passes
#   no_module  without load_module
#
# Environment:
#
#   GATEWAY_MODULE     the .so; default: objs/ngx_http_gateway_module.so
#   GATEWAY_OBJS       default: objs
#   GATEWAY_MASTER     1: a master and 2 workers in each block; n: n workers
#   TEST_NGINX_BINARY  the nginx; default: the one in the PATH

use v5.28;
use warnings;

use Cwd qw( abs_path );
use File::Basename qw( basename );
use File::Path qw( make_path remove_tree );
use File::Temp ();
use Time::HiRes ();

our ($Objs, $Root, $Reports, $Main, $Temp);


# Test::Nginx takes its paths from the environment when it is loaded.

BEGIN {
    $Main = $$;

    # Test::Nginx looks for nginx when it is loaded
    $ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';

    $Objs = $ENV{GATEWAY_OBJS} // 'objs';
    make_path("$Objs/t");
    $Objs = abs_path($Objs);

    # Test::Nginx does not quote paths: its own must not contain blanks
    my $base = "$Objs/t";
    $base = $Temp = File::Temp::tempdir('nginx-gateway-XXXXXX', TMPDIR => 1)
        if $base =~ m{[^\w./-]};

    (my $name = $0) =~ s{^(?:\./)?(?:t/)?}{};
    $name =~ s{[^\w.-]+}{-}g;
    $Root = "$base/$name-$$";

    # the wrapper of a sanitized nginx writes reports here: outside the server's
    # root, which is removed before each block
    $Reports = "$Root.reports";
    make_path($Reports);

    $ENV{GATEWAY_REPORTS} = $Reports;
    $ENV{GATEWAY_MODULE} //= "$Objs/ngx_http_gateway_module.so";
    $ENV{GATEWAY_MODULE} = File::Spec->rel2abs($ENV{GATEWAY_MODULE});

    $ENV{TEST_NGINX_SERVROOT} = $Root;
    $ENV{TEST_NGINX_HTML_DIR} = "$Root/html";
    $ENV{TEST_NGINX_LOG_LEVEL} //= 'info';

    # makes Test::Nginx call check_if_missing_directives(), redefined below
    $ENV{TEST_NGINX_IGNORE_MISSING_DIRECTIVES} = 1;
}

use Test::Base::Filter ();
use Test::Nginx::Socket -base;
use Test::Gateway::Token;
use Test::Gateway::Consumer;
use Test::Gateway::Server;

our @EXPORT = (qw( done_testing note ),
               @Test::Gateway::Token::EXPORT, @Test::Gateway::Server::EXPORT,
               @Test::Gateway::Consumer::EXPORT);

our $VERSION = '1';

*done_testing = \&Test::More::done_testing;
*note = \&Test::More::note;

my $port = free_port();
server_port($port);
server_port_for_client($port);
$ENV{TEST_NGINX_SERVER_PORT} = $port;

no_shuffle();
no_long_string();

my $workers = $ENV{GATEWAY_MASTER} // 0;
$workers = 2 if $workers eq '1';

# Test::Nginx warns of lines that are checked below, announced or not.
$SIG{__WARN__} = sub {
    warn @_ if "@_" !~ /^WARNING: .*\[(?:alert|crit|emerg)\]/s;
};


# --- before a block

add_block_preprocessor(sub {
    my ($block) = @_;

    master_on_or_off($block);

    $block->set_value('main_config',
                      qq{load_module "$ENV{GATEWAY_MODULE}";\n}
                      . ($block->main_config // ''))
        if !defined $block->no_module;

    $block->set_value('suppress_stderr', '') if defined $block->must_die;
    $block->set_value('config', '') if !defined $block->config;

    $block->set_value('request', "GET /\n")
        if !grep { defined } map { $block->$_ }
               qw( request raw_request pipelined_requests request_eval );

    # as in evaluate() below for the filter eval
    for my $section (qw( init post_setup_server_root )) {
        $block->set_value($section, "package main;\n" . $block->$section)
            if defined $block->$section;
    }

    if (defined(my $token = $block->token)) {
        chomp $token;
        $block->set_value('more_headers', "Authorization: Bearer $token\n"
                                          . ($block->more_headers // ''));
    }

    if (defined(my $names = $block->jwks)) {
        my $files = $block->user_files // [];
        $files = ">>> jwks.json\n" . jwks(split ' ', $names) . "\n$files"
            if !ref $files;
        $files = [ [ 'jwks.json', jwks(split ' ', $names) ], @$files ]
            if ref $files;
        $block->set_value('user_files', $files);
    }

    Test::Gateway::Consumer::consumers_section($block);
});


sub master_on_or_off {
    my ($block) = @_;

    my $n = $workers;
    $n = $block->master =~ /(\d+)/ ? $1 : 2 if defined $block->master;
    $n = 0 if defined $block->single;

    $n ? master_on() : master_off();
    workers($n || 1);
}


# --- after a block

add_test_cleanup_handler(sub {
    my ($block) = @_;

    my @wrong = stop_nginx();

    # Test::Nginx itself checks these only when the next block starts
    if (defined $block->shutdown_error_log
        || defined $block->no_shutdown_error_log)
    {
        $block->{announced_at_shutdown}
            = [ patterns($block->shutdown_error_log) ];
        $Test::Nginx::Util::CheckShutdownErrorLog->($block, 0);
        $block->set_value($_, undef)
            for qw( shutdown_error_log no_shutdown_error_log );
    }

    push @wrong, unannounced($block), reports($block);

    verdict($block->name . ' - nothing went wrong unannounced', @wrong);
});


sub verdict {
    my ($name, @wrong) = @_;

    return if Test::More->builder->ok(!@wrong, $name);

    Test::More::diag($_) for @wrong;
}


# Stops the block's nginx by its pid; returns the errors.

sub stop_nginx {
    my $file = "$Root/logs/nginx.pid";

    open my $in, '<', $file or return;
    my $pid = <$in>;
    close $in;
    chomp($pid //= '');
    return if $pid !~ /^\d+$/;

    if (!Test::Gateway::Server::alive($pid)) {
        unlink $file;
        return "nginx, process $pid, had ended without being told to";
    }

    return if Test::Gateway::Server::quit($pid, timeout() + 2);
    return "nginx, process $pid, did not leave when told to, and was killed";
}


# The lines of an error log that were not announced.

sub unannounced {
    my ($block) = @_;

    my @files = ("$Root/logs/error.log");
    my $other = $block->error_log_file;
    push @files, $other if $other && $other !~ /^(?:stderr|syslog:|memory:)/;

    my @lines;
    for my $file (@files) {
        open my $in, '<', $file or next;
        push @lines, <$in>;
        close $in;

        # a skipped block starts no nginx: each log is checked once
        rename $file, "$file.judged";
    }

    return judge(\@lines, $block);
}


sub judge {
    my ($lines, $block) = @_;

    my @allowed = patterns($block->allow_log);
    my @announced = (@allowed, map { patterns($block->$_) }
                               qw( error_log grep_error_log ),
                     @{ $block->{announced_at_shutdown} // [] });

    my @wrong;
    for (@$lines) {
        if (fatal($_)) {
            push @wrong, $_ if !matches($_, @allowed);
            next;
        }

        next if !/\[(alert|crit|emerg)\]/;
        next if $1 eq 'emerg' && defined $block->must_die;

        # Test::Nginx tries again if a port is in use
        next if /Address already in use|still could not bind/;
        push @wrong, $_ if !matches($_, @announced);
    }

    chomp @wrong;
    return @wrong;
}


sub fatal {
    return $_[0] =~ / exited\ on\ signal | ERROR:\ \w+Sanitizer
                    | runtime\ error:    | Assertion\ .*\ failed /x;
}


sub patterns {
    my ($section) = @_;

    return () if !defined $section;
    return map { patterns($_) } @$section if ref $section eq 'ARRAY';
    return $section if ref $section;
    return grep { length } split /\n+/, $section;
}


sub matches {
    my ($line, @patterns) = @_;

    for my $p (@patterns) {
        return 1 if ref $p ? $line =~ $p : index($line, $p) >= 0;
    }
    return 0;
}


sub reports {
    my ($block) = @_;

    my @wrong;
    for my $file (glob "$Reports/*") {
        open my $in, '<', $file or next;
        my @lines = <$in>;
        close $in;
        unlink $file;

        splice @lines, 60;
        push @wrong, join '', "report of a sanitizer:\n", @lines
            if !grep { matches($_, patterns($block->allow_log)) } @lines;
    }
    return @wrong;
}


# --- the end

# Other tests can follow run_tests() if they call done_testing() themselves and
# set $Test::Gateway::More = 1 before.

our $More = 0;

sub planned { defined Test::More->builder->has_plan }

my $bailing = 0;

add_cleanup_handler(sub {
    return if $$ != $Main || $More || $bailing || in_bail_out();
    return if planned() || !Test::More->builder->current_test;

    Test::More::done_testing();
    $More = 1;
});

sub in_bail_out {
    for (my $i = 1; my $sub = (caller $i)[3]; $i++) {
        return 1 if $sub eq 'Test::Nginx::Util::bail_out';
    }
    return 0;
}


# Perl in a section can use names of the test file; an error stops the file.

sub evaluate { return CORE::eval("package main;\n$_[0]") }

{
    no warnings qw( redefine once prototype );

    *Test::Base::Filter::eval = sub {
        my ($self, $code) = @_;

        my @values = evaluate($code);
        die $self->current_block->name . ": $@" if $@;
        return @values;
    };

    # Test::Nginx waits 45 ms after each request and then warns of lines in the
    # log.  A block without patterns for the log needs neither, since judge()
    # reads the whole log after nginx has stopped.

    my $check = \&Test::Nginx::Socket::check_error_log;

    *Test::Nginx::Socket::check_error_log = sub {
        my ($block) = @_;

        goto &$check if grep { defined $block->$_ }
            qw( error_log no_error_log grep_error_log grep_error_log_out );
    };

    # One file that cannot continue must not end the whole run.

    *Test::More::BAIL_OUT = sub {
        $bailing = 1;
        verdict("$0 goes on", "@_", stop_nginx());
        Test::More->builder->done_testing() if !planned();
        exit 1;
    };

    # Test::Nginx calls this if nginx did not start, and would retry for half a
    # minute.  A retry only helps if a port was in use.

    *Test::Nginx::Util::check_if_missing_directives = sub {
        open my $in, '<', "$Root/logs/error.log" or return 0;
        my @lines = grep { /\[emerg\]/ } <$in>;
        close $in;

        my ($emerg) = grep { !/bind\(\)/ } @lines;
        Test::Nginx::Util::bail_out("nginx did not start: $emerg") if $emerg;
        return 0;
    };
}


END {
    if ($$ == $Main && !$Test::Nginx::Util::InSubprocess) {
        # keep the files of a failure
        if ($? == 0 && Test::More->builder->is_passing) {
            remove_tree(grep { defined } $Root, $Reports, $Temp);

        } elsif (-d "$Root/logs") {
            Test::More::diag("the last server's files are in $Root");
        }
    }
}

1;
