"""An archive of films, read by any number of processes on any number of machines: the contract, without an engine.

    plan: source → manifest in shards       run: shard → one file of readings       merge: all shards → one dataset

A job is a folder that all machines see. What is to be read, and by what, is fixed when it is planned; a shard is done
when its file is there, and only then. So an engine may lose, repeat or double any work: the job comes out the same.
"""
