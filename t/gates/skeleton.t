# SPDX-License-Identifier: BSD-2-Clause

# The example module of CONTRIBUTING.md, added to a copy of the project by the
# steps of that page: it is built, works together with a limit, cannot register
# where it would not be called, and can be removed completely.

use v5.28;
use warnings;
use lib 't/lib';

use Cwd qw( abs_path );
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;

my $page = read_file('CONTRIBUTING.md');
my $copy = copy_of(qw( config Makefile CONTRIBUTING.md conf.examples modules
                       tools t ));
my $so = 'ngx_http_gateway_module.so';
my $source = 'modules/example/ngx_http_gateway_example_module.c';

# the copy is built for the same nginx, and as quickly as possible
$ENV{$_} = abs_path($ENV{$_}) for grep { ($ENV{$_} // '') =~ m{/} }
                              qw( NGINX_SRC NGINX_BINARY TEST_NGINX_BINARY );
delete @ENV{qw( MODULES LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL )};
$ENV{CFLAGS} = '-O0';
$ENV{OBJS} = $ENV{GATEWAY_OBJS} = "$copy/objs";
$ENV{GATEWAY_MODULE} = "$copy/objs/$so";


# runs a command in the copy: its exit code and output

sub run {
    my ($command) = @_;

    my $said = qx(cd '$copy' && { $command; } 2>&1);
    return ($? >> 8, $said);
}

sub succeeds {
    my ($command, $name) = @_;

    my ($code, $said) = run($command);
    is($code, 0, $name) or diag($said);
    return $said;
}

sub build { succeeds("MODULES='$_[0]' tools/build", $_[1]) }


# the nginx modules that the .so was built from

sub built {
    my ($made) = glob qq("$copy"/objs/nginx/*_modules.c);
    my ($list) = read_file($made) =~ /^char \*ngx_module_names\[\] = \{(.*?)\}/ms;
    return join ' ', $list =~ /"(ngx_\w+)"/g;
}


# Replaces a part of a file; the part must be there.

sub change {
    my ($file, $from, $to) = @_;

    my $text = read_file("$copy/$file");
    $text =~ s/$from/$to/ or die "$file has no $from";
    write_file("$copy/$file", $text);
}


# --- the steps

my %file = $page =~ /^`([\w.\/]+)`:\n\n(?|```\w+\n(.*?\n)```\n
                                         |````\w+\n(.*?\n)````\n)/gmsx;
is("@{[ sort keys %file ]}",
   "modules/example/README.md $source t/example/log.t",
   'the page has the files of a module');

write_file("$copy/$_", $file{$_}) for keys %file;

my ($code, $said) = run("MODULES=limit tools/build");
isnt($code, 0, 'without its name in the order the folder is an error');
like($said, qr/error: modules\/example is not built: add "example" to/,
     'which says so');
like($said, qr/ gateway_order in config/, 'and says where');
ok(!-e "$copy/objs/$so", 'and nothing is built');

change('config', qr/(?= log )/, ' example');
like(succeeds('tools/modules known', 'MODULES can name it'),
     qr/\bexample\b/, 'and it is built without MODULES');

build('limit example', 'it is built');
is(built(), join(' ', map { "ngx_http_gateway_${_}module" }
                      '', qw( cycle_ challenge_ redis_ limit_ granted_ enter_
                              example_ grpc_ )),
   'with core and limit, at its place in the order');

succeeds('prove ' . join(' ', map { "t/gates/$_.t" }
                        qw( arrows atomics circles docs headers modules
                            version )),
         'the gates accept it');
succeeds('prove t/example/log.t', 'its own test passes');


# --- together with a limit that settles its charges

my $upstream = free_port();
my $server = start_nginx(
    workers => 1,
    http => <<"END",
    gateway_limit_zone \$arg_k zone=cost:1m rate=1000r/d algorithm=fixed_window;
    gateway_limit_zone \$arg_k zone=none:1m rate=0r/d;
    gateway_example on;
    log_subrequest on;
    server {
        listen 127.0.0.1:$upstream;
        add_header X-Cost 2 always;
        location / { gateway_example off; return 200 ok; }
        location /accel {
            gateway_example off;
            add_header X-Accel-Redirect /end;
            return 204;
        }
    }
END
    server => <<"END");
    location /charged {
        gateway_limit zone=cost cost=\$upstream_http_x_cost settle;
        mirror /copy;
        proxy_pass http://127.0.0.1:$upstream/;
    }
    location = /copy { internal; proxy_pass http://127.0.0.1:$upstream/; }
    location /accel { proxy_pass http://127.0.0.1:$upstream/accel; }
    location /error { error_page 404 /end; return 404; }
    location /try { try_files /nothing /end; }
    location /end { return 200 end; }
    location /refused { gateway_limit zone=none; empty_gif; }
    location /off { gateway_example off; return 204; }
END

sub logged { scalar(() = $server->log =~ /gateway_example: request ended/g) }

# The status of a request, its Remaining, and how often it was logged.  A request
# with a subrequest may be logged after its response; the worker has logged it
# before it handles the next request.

sub get {
    my ($path, $lines) = @_;

    my $before = logged();
    my ($status, $headers) = http_get($server, $path);
    my ($remaining) = $headers =~ /^X-RateLimit-Remaining: (\d+)/mi;

    wait_until(sub { logged() >= $before + $lines });
    http_get($server, '/off');
    return join ' ', $status, $remaining // '-', logged() - $before;
}

is(get('/charged?k=1', 1), "200 $_ 1", "one line, and $_ remain")
    for 1000, 998, 996;
is(get('/accel', 1), '200 - 1', 'one line: X-Accel-Redirect');
is(get('/error', 1), '404 - 1', 'one line: an error page');
is(get('/try', 1), '200 - 1', 'one line: try_files');
is(get('/refused?k=1', 1), '429 0 1', 'one line: a 429');
is(get('/off', 0), '204 - 0', 'off: none');
is(get('/charged?k=1', 1), '200 994 1', 'and the limit is as before');
$server->stop;


# --- where registering would have no effect

my $conf = http_conf(port => free_port(), server => 'gateway_example on;');
my $add = 'ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_WRITE,'
          . ' ngx_http_gateway_example_log)';
my $module = read_file("$copy/$source");
my $merge = qr/\n    if \(conf->enable\n.*?\n    \}\n/s;

# the same module, which registers in a function of the module's context
sub registers_in {
    my ($field, $type, $failure, $done, $call) = @_;

    my $name = 'ngx_http_gateway_example_' . $field =~ s/ \w+$//r =~ s/ /_/gr;
    write_file("$copy/$source", $module);
    change($source, $merge, '');
    change($source, qr{NULL,(?=\s+/\* \Q$field\E \*/)}, "$name,");
    change($source, qr/(?=static ngx_command_t)/,
           "static $type\n$name(ngx_conf_t *cf)\n{\n"
           . '    return ' . ($call // $add)
           . " == NGX_OK ? $done : $failure;\n}\n\n\n");
    build('limit example', "registered in $field: it is built");
    return nginx_t($conf);
}

($code, $said) = nginx_t($conf);
is($code, 0, 'in a merge function: nginx starts') or diag($said);

($code, $said) = registers_in('preconfiguration', 'ngx_int_t', 'NGX_ERROR',
                              'NGX_OK');
is($code, 0, 'in preconfiguration: nginx starts') or diag($said);

($code, $said) = registers_in('postconfiguration', 'ngx_int_t', 'NGX_ERROR',
                              'NGX_OK');
is($code, 1, 'in postconfiguration: nginx does not start');
like($said, qr/\[emerg\] .* registered too late, in postconfiguration/,
     'and says why');

($code, $said) = registers_in('create main configuration', 'void *', 'NULL',
                              'ngx_palloc(cf->pool, 1)');
is($code, 1, 'in create_main_conf: nginx does not start');
like($said, qr/\[emerg\] .* registered too early/, 'and says why');


# --- a method

# a call that registers one, without a function that hides its credential
sub method {
    my ($name) = @_;

    return qq{ngx_http_gateway_method_add(cf, "$name", NULL,}
           . ' &(ngx_uint_t) { 0 }) == NGX_OK && ';
}

($code, $said) = registers_in('preconfiguration', 'ngx_int_t', 'NGX_ERROR',
                              'NGX_OK', method('a') . method('b') . $add);
is($code, 0, 'two methods: nginx starts') or diag($said);

($code, $said) = registers_in('preconfiguration', 'ngx_int_t', 'NGX_ERROR',
                              'NGX_OK', method('a') . method('a') . $add);
is($code, 1, 'two methods of one name: nginx does not start');
like($said, qr/\[emerg\] .* authentication\ "a"\ is\ already\ registered,
               .* choose\ another\ name/x, 'and says what to do');

registers_in('preconfiguration', 'ngx_int_t', 'NGX_ERROR', 'NGX_OK',
             method('a') . $add);
change($source, qr/(?=    return NGX_CONF_OK;)/, <<'END');
    ngx_http_gateway_hide_at(cf, 0);
    if (ngx_http_gateway_refuses(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

END
build('limit example', 'a method that hides nothing: it is built');
$server = start_nginx(server => 'location / { return 204; }');
like((http_get($server, '/'))[0], qr/^204/, 'and serves requests');
$server->stop;


# --- removed again

system('rm', '-r', "$copy/modules/example", "$copy/t/example");
($code, $said) = run('MODULES=limit tools/modules names');
is($code, 0, 'a name without a folder is skipped') or diag($said);
change('config', qr/ example(?= )/, '');
is(read_file("$copy/config"), read_file('config'),
   'the order is as before');

build('limit', 'it is built without the module');
is(built(), qx(tools/modules names limit) =~ s/\s+\z//r,
   'from the same modules as before');
ok(read_file("$copy/objs/$so") !~ /gateway_example/, 'nothing of it is left');
($code, $said) = nginx_t($conf);
like($said, qr/unknown directive "gateway_example"/, 'no directive either');
($code, $said) = nginx_t(http_conf(port => free_port()));
is($code, 0, 'and nginx starts') or diag($said);

done_testing;
