/**
 * What shows an image and its walks to a person: the walk as a page and as JSON, the explorer, the
 * inventory of an image, structures as tables and figures, set-ups of reserved regions.
 *
 * <p>The command parses arguments and calls these classes. Everything that is wrong with the input
 * is an {@link dev.nestwalk.teach.InputException}, whose message is the one line that the command
 * prints.
 *
 * <p>Threads: one, but for {@link dev.nestwalk.teach.Explorer}, which answers requests one at a
 * time.
 */
@NullMarked
package dev.nestwalk.teach;

import org.jspecify.annotations.NullMarked;
