/**
 * The {@code nestwalk} command: translate, check, explain, inspect.
 *
 * <p>Each command is one class that parses its options; what it does stands in a class of its own.
 * Everything that is wrong with the input is an {@link dev.nestwalk.teach.InputException} and
 * becomes one line on standard error and exit status 2.
 *
 * <p>Threads: one.
 */
@NullMarked
package dev.nestwalk.cli;

import org.jspecify.annotations.NullMarked;
