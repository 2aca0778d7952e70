# SPDX-License-Identifier: BSD-2-Clause

# nginx accepts each configuration of conf.examples, also on Debian, whose prefix
# has no folder for logs.

use v5.28;
use warnings;
use lib 't/lib';

use Cwd qw( abs_path );
use File::Basename qw( basename );
use Test::Gateway::Certificate;
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';

my $objs = $ENV{GATEWAY_OBJS} // 'objs';
my $so = abs_path($ENV{GATEWAY_MODULE} // "$objs/ngx_http_gateway_module.so");

# paths of a prefix that everybody may write to
my $paths = join '', map { "${_}_temp_path $_; " }
            qw( client_body proxy fastcgi uwsgi scgi );

authority('partners-ca');
certificate('server');


sub examples {
    my ($dir) = @_;

    my @complaints;
    for my $file (glob "$dir/conf.examples/*.conf") {
        my $conf = read_file($file);
        $conf =~ s{modules/ngx_http_gateway_module\.so}{"$so"};
        $conf =~ s{/etc/ssl/certs/ca-certificates\.crt}{server.crt};
        $conf =~ s{^http \{}{http \{ access_log off; $paths}m;

        my ($code, $said) = debian_nginx_t($conf, {
            'jwks.json' => jwks('es256'),
            'consumers.json' => '{"consumers":[]}',
            'pepper' => 'a pepper of the tests',
            'redis.pass' => "a password of the tests\n",
            'revoked.txt' => "jti 1\n",
            'idp.secret' => "id:a secret of the tests\n",
            map({ basename($_) => read_file($_) }
                glob "$dir/conf.examples/*.json"),
            certificate_files(),
        });
        push @complaints, basename($file) . " is refused: $said" if $code;
    }
    return @complaints;
}


clean(\&examples, '.', 'nginx accepts every example');

my $copy = copy_of('conf.examples');
spoil("$copy/conf.examples/seeded.conf",
      "events {}\nhttp { gateway_no on; }\n");
fires(\&examples, "$copy", qr/seeded\.conf is refused: .*gateway_no/s,
      'an example with a directive that does not exist');

$copy = copy_of('conf.examples');
spoil("$copy/conf.examples/seeded.conf",
      "events {}\nhttp { server { access_log logs/a.log; } }\n");
fires(\&examples, "$copy", qr{seeded\.conf is refused: .*logs/a\.log}s,
      'an example that logs to a folder of the prefix');

done_testing;
