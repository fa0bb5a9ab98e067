# SPDX-License-Identifier: Apache-2.0
# The part of YAML that CI templates are written in, as a tree of hashes, arrays and strings: block maps and lists, `|`, `>-`,
# `[a, b]`, `{a: b}`, quotes. Anything else ends the program, so that nothing is silently misread.
package Yaml;
use strict;
use warnings;

sub read_file {
  my ($path) = @_;
  open my $file, '<', $path or die "cannot read $path: $!\n";
  my @lines = map { chomp; $_ } <$file>;
  my $self = {lines => \@lines, at => 0, path => $path};
  my $tree = node($self, 0);
  skip_blank($self);
  failure($self, 'not understood') if $self->{at} < @lines;
  return $tree;
}

sub failure {
  my ($self, $why) = @_;
  die sprintf "%s:%d: %s\n", $self->{path}, $self->{at} + 1, $why;
}

sub skip_blank {
  my ($self) = @_;
  $self->{at}++ while $self->{at} < @{$self->{lines}} && $self->{lines}[$self->{at}] =~ /^\s*(#.*)?$/;
}

# The indentation of the next line that says something; -1 at the end.
sub next_indent {
  my ($self) = @_;
  skip_blank($self);
  return -1 if $self->{at} >= @{$self->{lines}};
  return length(($self->{lines}[$self->{at}] =~ /^( *)/)[0]);
}

sub node {
  my ($self, $least) = @_;
  my $indent = next_indent($self);
  return '' if $indent < $least;
  return $self->{lines}[$self->{at}] =~ /^ *-( |$)/ ? list($self, $indent) : map_of($self, $indent);
}

sub list {
  my ($self, $indent) = @_;
  my @items;
  while (next_indent($self) == $indent && $self->{lines}[$self->{at}] =~ /^ *-( |$)/) {
    my $line = \$self->{lines}[$self->{at}];
    if ($$line =~ /^ *- +(\||>-?|["'\[{]|[^:]*$|[^:]*:\S)/) {
      (my $text = $$line) =~ s/^ *- +//;
      $self->{at}++;
      push @items, value($self, $text, $indent);
    } else {
      $$line =~ s/^( *)-/$1 /;  # the first line of a map, or of nothing
      push @items, node($self, $indent + 1);
    }
  }
  return \@items;
}

sub map_of {
  my ($self, $indent) = @_;
  my %map;
  while (next_indent($self) == $indent) {
    my ($key, $text) = $self->{lines}[$self->{at}] =~ /^ *([A-Za-z_.][\w.-]*):(?: +(.*))?$/ or failure($self, 'no "key:"');
    failure($self, "'$key' is there twice") if exists $map{$key};
    $self->{at}++;
    $text = '' unless defined $text;
    if ($text eq '' || $text =~ /^#/) {
      my $below = next_indent($self);
      my $is_list = $below == $indent && $self->{lines}[$self->{at}] =~ /^ *-( |$)/;
      $map{$key} = $below > $indent || $is_list ? node($self, $below) : '';
    } else {
      $map{$key} = value($self, $text, $indent);
    }
  }
  failure($self, 'indented too far') if next_indent($self) > $indent;
  return \%map;
}

sub value {
  my ($self, $text, $indent) = @_;
  return block($self, $text, $indent) if $text =~ /^(\||>-)$/;
  return [map { scalar_of($_) } split /\s*,\s*/, $1] if $text =~ /^\[(.*)\]$/;
  return {map { /^([\w.-]+): +(.*)$/ or failure($self, 'no "key: value"'); ($1, scalar_of($2)) } split /\s*,\s*/, $1} if $text =~ /^\{(.*)\}$/;
  failure($self, "'$text' begins like something else") if $text =~ /^[&*!%@`|>]/;
  return scalar_of($text);
}

sub scalar_of {
  my ($text) = @_;
  return $1 if $text =~ /^"([^"\\]*)"\s*(?:#.*)?$/ || $text =~ /^'([^']*)'\s*(?:#.*)?$/;
  $text =~ s/\s+#.*$//;
  return $text;
}

# What stands indented below `|` (lines kept) or `>-` (lines joined).
sub block {
  my ($self, $style, $indent) = @_;
  my (@lines, $depth);
  for (; $self->{at} < @{$self->{lines}}; $self->{at}++) {
    my $line = $self->{lines}[$self->{at}];
    if ($line =~ /^\s*$/) { push @lines, ''; next }
    my $own = length(($line =~ /^( *)/)[0]);
    last if $own <= $indent;
    $depth = $own unless defined $depth;
    push @lines, substr($line, $depth);
  }
  pop @lines while @lines && $lines[-1] eq '';
  return $style eq '|' ? join("\n", @lines) . "\n" : join(' ', @lines);
}

1;
