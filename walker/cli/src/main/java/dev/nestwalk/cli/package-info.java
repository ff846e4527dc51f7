/**
 * The {@code nestwalk} command line.
 *
 * <p>Each command is one class that parses its options; the work is done by other classes. Any
 * error in the input is an {@link dev.nestwalk.teach.InputException} and becomes one line on
 * standard error with exit status 2.
 *
 * <p>Threads: one.
 */
@NullMarked
package dev.nestwalk.cli;

import org.jspecify.annotations.NullMarked;
