# SPDX-License-Identifier: Apache-2.0
# GitHub's expressions, as far as the templates use them: contexts, strings, ! == != && || ( ), format() and always().
# A name that no context has is an empty string, as there; a function that is not known ends the program.
package Expression;
use strict;
use warnings;

# All `${{ }}` of a text replaced by their values.
sub expand {
  my ($text, $contexts) = @_;
  $text =~ s/\$\{\{(.*?)\}\}/evaluate($1, $contexts)/ge;
  return $text;
}

# A condition; without always() a step is skipped after a failed one.
sub holds {
  my ($text, $contexts, $failed) = @_;
  $text = '' unless defined $text;
  $text =~ s/^\s*\$\{\{(.*)\}\}\s*$/$1/s;
  return 0 if $failed && $text !~ /\b(always|failure)\(\)/;
  return $text eq '' ? 1 : truth(evaluate($text, $contexts));
}

sub truth { my ($value) = @_; return defined $value && $value ne '' && $value ne 'false' && $value ne '0' ? 1 : 0 }

sub evaluate {
  my ($text, $contexts) = @_;
  my @tokens = $text =~ /\G\s*('(?:[^']|'')*'|&&|\|\||==|!=|[!(),]|[A-Za-z_][\w.-]*|\d+)/gc;
  die "expression not understood: '$text'\n" if substr($text, pos($text) // 0) =~ /\S/;
  my $self = {tokens => \@tokens, contexts => $contexts, text => $text};
  my $value = either($self);
  die "expression goes on after its end: '$text'\n" if @tokens;
  return $value;
}

sub take {
  my ($self, $token) = @_;
  return 0 unless @{$self->{tokens}} && $self->{tokens}[0] eq $token;
  shift @{$self->{tokens}};
  return 1;
}

sub either {
  my ($self) = @_;
  my $value = both($self);
  while (take($self, '||')) { my $right = both($self); $value = truth($value) ? $value : $right }
  return $value;
}

sub both {
  my ($self) = @_;
  my $value = compared($self);
  while (take($self, '&&')) { my $right = compared($self); $value = truth($value) ? $right : $value }
  return $value;
}

sub compared {
  my ($self) = @_;
  my $value = single($self);
  return lc $value eq lc single($self) ? 'true' : 'false' if take($self, '==');
  return lc $value ne lc single($self) ? 'true' : 'false' if take($self, '!=');
  return $value;
}

sub single {
  my ($self) = @_;
  return truth(single($self)) ? 'false' : 'true' if take($self, '!');
  if (take($self, '(')) {
    my $value = either($self);
    take($self, ')') or die "no ')' in '$self->{text}'\n";
    return $value;
  }
  my $token = shift @{$self->{tokens}};
  die "expression ends early: '$self->{text}'\n" unless defined $token;
  if ($token =~ /^'(.*)'$/s) { (my $string = $1) =~ s/''/'/g; return $string }
  return $token if $token =~ /^(\d+|true|false)$/;
  return call($self, $token) if take($self, '(');
  my $value = $self->{contexts};
  for my $part (split /\./, $token) { $value = ref $value eq 'HASH' ? $value->{$part} : undef }
  return defined $value && !ref $value ? $value : '';
}

sub call {
  my ($self, $name) = @_;
  my @arguments;
  until (take($self, ')')) {
    push @arguments, either($self);
    take($self, ',');
  }
  return 'true' if $name eq 'always';
  if ($name eq 'format') {
    my $text = shift @arguments;
    $text =~ s/\{(\d+)\}/$arguments[$1]/g;
    return $text;
  }
  die "function '$name' is not known\n";
}

1;
