/** The command {@code nestwalk cost}: arguments in, tables, files and one exit status out. */
@NullMarked
package dev.nestwalk.bench.cost.command;

import org.jspecify.annotations.NullMarked;
