namespace Moulage.Core
{
    /// <summary>What the link thread hands to the main thread, in order.</summary>
    public struct WorkItem
    {
        public enum Kind : byte { Tile, Complete, Abort, State }

        public Kind Type;
        public TileBuffer Tile;
        public Revision Revision;
        public LinkState State;
        public string Detail;
    }

    /// <summary>A ring between the two threads; it grows when it must and then stays.</summary>
    public sealed class WorkQueue
    {
        readonly object _lock = new object();
        WorkItem[] _items = new WorkItem[128];
        int _first, _count;

        public void Add(WorkItem item)
        {
            lock (_lock)
            {
                if (_count == _items.Length)
                    Grow();
                _items[(_first + _count++) % _items.Length] = item;
            }
        }

        public bool TryTake(out WorkItem item)
        {
            lock (_lock)
            {
                item = default(WorkItem);
                if (_count == 0)
                    return false;
                item = _items[_first];
                _items[_first] = default(WorkItem);
                _first = (_first + 1) % _items.Length;
                _count--;
                return true;
            }
        }

        /// <summary>
        /// Take back the tiles at the end of the queue that no Complete follows, and tell the main thread to forget the ones
        /// it has already.
        /// </summary>
        public void Abort(TilePool pool)
        {
            lock (_lock)
            {
                var kept = 0;
                for (var i = 0; i < _count; i++)
                    if (_items[(_first + i) % _items.Length].Type == WorkItem.Kind.Complete)
                        kept = i + 1;
                var count = kept;
                for (var i = kept; i < _count; i++)
                {
                    var item = _items[(_first + i) % _items.Length];
                    if (item.Type == WorkItem.Kind.Tile)
                        pool.Return(item.Tile);
                    else
                        _items[(_first + count++) % _items.Length] = item;
                }
                for (var i = count; i < _count; i++)
                    _items[(_first + i) % _items.Length] = default(WorkItem);
                _count = count;
            }
            Add(new WorkItem { Type = WorkItem.Kind.Abort });
        }

        void Grow()
        {
            var larger = new WorkItem[_items.Length * 2];
            for (var i = 0; i < _count; i++)
                larger[i] = _items[(_first + i) % _items.Length];
            _items = larger;
            _first = 0;
        }
    }
}
