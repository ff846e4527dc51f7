/**
 * What is made of results: one document of a run as JSON, comma-separated values, a page that needs
 * nothing else, and the comparison of two documents.
 *
 * <p>Threads: everything here is immutable or belongs to the thread that uses it.
 */
@NullMarked
package dev.nestwalk.bench.cost.report;

import org.jspecify.annotations.NullMarked;
