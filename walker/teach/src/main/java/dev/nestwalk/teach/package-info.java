/**
 * Presents an image and its walks to people: the walk as a page and as JSON, the explorer, the
 * inventory of an image, structures as tables and figures, and setups of reserved regions.
 *
 * <p>The command parses arguments and calls these classes. Any error in the input is an {@link
 * dev.nestwalk.teach.InputException}, whose message is the line that the command prints.
 *
 * <p>Threads: one, except for {@link dev.nestwalk.teach.Explorer}, which answers requests one at a
 * time.
 */
@NullMarked
package dev.nestwalk.teach;

import org.jspecify.annotations.NullMarked;
