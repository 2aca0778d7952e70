# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Browser;

# A page in headless Chromium, driven by the DevTools protocol through a pipe.
#
#   my $browser = browser();         undef if Chromium is not installed
#
#   $browser->media(features)        e.g. 'prefers-color-scheme' => 'dark'
#   $browser->size($width, $height)  in CSS pixels
#   $browser->open($url)             loads a page, waits for its load event
#   $browser->run($script)           the value of a script; promises are awaited
#   $browser->becomes($script, $s)   waits until its value is true, at most $s
#   $browser->press('Tab', ...)      keys: names, or one character each
#
#   $browser->errors                 since the last call: messages and warnings
#                                    of the console, exceptions, violations of
#                                    the policy, failed requests
#   $browser->requests               URLs of all requests since the last call

use v5.28;
use warnings;

use Exporter qw( import );
use Fcntl qw( F_DUPFD );
use File::Temp ();
use IO::Select;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( browser );

my $json = JSON::PP->new->utf8->allow_nonref;

# how long a command may take, in seconds
my $patience = 60;

my %keys = (
    Tab => [ 9, "\t" ], Enter => [ 13, "\r" ], Escape => [ 27 ],
    Space => [ 32, ' ', ' ' ], ArrowDown => [ 40 ], ArrowUp => [ 38 ],
    Backspace => [ 8 ],
);


sub program {
    for my $name (qw( chromium-headless-shell chromium )) {
        for my $dir (split /:/, $ENV{PATH}) {
            return "$dir/$name" if -x "$dir/$name";
        }
    }
    return;
}


sub browser {
    my $program = program() // return;

    my $self = bless { id => 0, in => '', events => [], main => $$,
                       folder => File::Temp->newdir }, __PACKAGE__;
    pipe my $commands, $self->{to} or die "pipe: $!";
    pipe $self->{from}, my $answers or die "pipe: $!";

    defined($self->{pid} = fork) or die "fork: $!";
    if (!$self->{pid}) {
        # Chromium reads commands from 3 and writes answers to 4
        my @high = map { fcntl $_, F_DUPFD, 16 } $commands, $answers;
        POSIX::dup2($high[$_], 3 + $_) for 0, 1;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$self->{folder}/log";
        setpgrp;
        exec $program, '--headless', '--no-sandbox', '--disable-gpu',
             '--disable-dev-shm-usage', '--disable-background-networking',
             '--no-first-run', '--remote-debugging-pipe',
             "--user-data-dir=$self->{folder}", 'about:blank'
            or POSIX::_exit(1);
    }
    close $_ for $commands, $answers;
    $self->{to}->autoflush;

    my $target = $self->call('Target.createTarget', url => 'about:blank');
    my $session = $self->call('Target.attachToTarget', flatten => \1,
                              targetId => $target->{targetId});
    $self->{session} = $session->{sessionId};
    $self->call("$_.enable") for qw( Page Runtime Log Network Audits );
    return $self;
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{pid} || $self->{main} != $$;
    local $?;
    kill 'KILL', -$self->{pid};
    waitpid $self->{pid}, 0;
}


# --- the protocol: texts that end with a zero byte

sub call {
    my ($self, $method, %parameters) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $id = ++$self->{id};
    print { $self->{to} } $json->encode({
        id => $id, method => $method, params => \%parameters,
        $self->{session} ? (sessionId => $self->{session}) : () }), "\0";

    my $end = time + $patience;
    while (1) {
        my $message = $self->message($end - time)
            // die "Chromium does not answer $method\n";
        next if ($message->{id} // 0) != $id;
        die "$method: $message->{error}{message}\n" if $message->{error};
        return $message->{result};
    }
}

# the next message, undef after $seconds; events are kept

sub message {
    my ($self, $seconds) = @_;

    my $end = time + $seconds;
    my $select = IO::Select->new($self->{from});
    while ($self->{in} !~ /\0/) {
        return if !$select->can_read($end > time ? $end - time : 0);
        sysread $self->{from}, $self->{in}, 65536, length $self->{in}
            or die "Chromium has ended\n";
    }

    $self->{in} =~ s/\A([^\0]*)\0//;
    my $message = $json->decode($1);
    push @{ $self->{events} }, $message if $message->{method};
    return $message;
}

sub event {
    my ($self, $name) = @_;

    my $end = time + $patience;
    until (grep { $_->{method} eq $name } @{ $self->{events} }) {
        $self->message($end - time) // die "Chromium sends no $name\n";
    }
    @{ $self->{events} } = grep { $_->{method} ne $name } @{ $self->{events} };
    return;
}


# --- what a user does

sub media {
    my ($self, %features) = @_;
    return $self->call('Emulation.setEmulatedMedia', features => [
        map { { name => $_, value => $features{$_} } } sort keys %features ]);
}

sub size {
    my ($self, $width, $height) = @_;
    return $self->call('Emulation.setDeviceMetricsOverride', width => $width,
                       height => $height, deviceScaleFactor => 1,
                       mobile => \0);
}

sub open {
    my ($self, $url) = @_;

    # not that of the page before
    $self->take(sub { $_[0] eq 'Page.loadEventFired' });

    my $result = $self->call('Page.navigate', url => $url);
    die "$url: $result->{errorText}\n" if $result->{errorText};
    return $self->event('Page.loadEventFired');
}

sub run {
    my ($self, $script) = @_;

    my $result = $self->call('Runtime.evaluate', expression => $script,
                             awaitPromise => \1, returnByValue => \1);
    die "$script: $result->{exceptionDetails}{exception}{description}\n"
        if $result->{exceptionDetails};
    return $result->{result}{value};
}

sub becomes {
    my ($self, $script, $seconds) = @_;

    my $end = time + ($seconds // 20);
    while (1) {
        my $value = $self->run($script);
        return $value if $value || time > $end;
        sleep 0.1;
    }
}

sub press {
    my ($self, @names) = @_;

    for my $name (@names) {
        my ($code, $text, $key) = $keys{$name} ? @{ $keys{$name} }
            : ($name =~ /^[A-Za-z0-9]$/ ? ord uc $name : 0, $name);
        my @key = (key => $key // $name, code => $name,
                   windowsVirtualKeyCode => $code);
        $self->call('Input.dispatchKeyEvent', @key, defined $text
                    ? (type => 'keyDown', text => $text)
                    : (type => 'rawKeyDown'));
        $self->call('Input.dispatchKeyEvent', @key, type => 'keyUp');
    }
    return;
}


# --- what the browser says

my %errors = (
    'Runtime.consoleAPICalled' => sub {
        "console: " . join ' ', map { $_->{value} // $_->{type} }
                                    @{ $_[0]{args} } },
    'Runtime.exceptionThrown' => sub {
        my $details = $_[0]{exceptionDetails};
        "exception: " . ($details->{exception}{description}
                         // $details->{text}) },
    'Log.entryAdded' => sub {
        "log: $_[0]{entry}{text} " . ($_[0]{entry}{url} // '') },
    'Audits.issueAdded' => sub {
        "issue: $_[0]{issue}{code} " . $json->encode($_[0]{issue}{details}) },
    'Network.loadingFailed' => sub { "failed: $_[0]{errorText}" },
);

sub errors {
    my ($self) = @_;
    return map { $errors{$_->{method}}->($_->{params}) }
           $self->take(sub { $errors{ $_[0] } });
}

sub requests {
    my ($self) = @_;
    return map { $_->{params}{request}{url} }
           $self->take(sub { $_[0] eq 'Network.requestWillBeSent' });
}

sub take {
    my ($self, $wanted) = @_;

    # an answer to this comes after all events before it
    $self->run('0');
    my @found = grep { $wanted->($_->{method}) } @{ $self->{events} };
    @{ $self->{events} } = grep { !$wanted->($_->{method}) }
                           @{ $self->{events} };
    return @found;
}

1;
