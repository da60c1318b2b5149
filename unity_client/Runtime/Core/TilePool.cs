using System.Collections.Generic;

namespace Moulage.Core
{
    /// <summary>
    /// A fixed number of tile buffers. Their number is the credit a server gets: what it may send before the main thread has
    /// taken a tile into its texture. So a paused scene takes no memory, and a running one allocates nothing.
    /// </summary>
    public sealed class TilePool
    {
        readonly Stack<TileBuffer> _free;
        readonly int _capacity;
        int _made, _returned;

        public TilePool(int capacity)
        {
            _capacity = capacity;
            _free = new Stack<TileBuffer>(capacity);
        }

        /// <summary>A session starts: how many buffers could be rented now. What comes back later is credit owed.</summary>
        public int Restart()
        {
            lock (_free)
            {
                _returned = 0;
                return _capacity - _made + _free.Count;
            }
        }

        /// <summary>A buffer, or null when all are on their way.</summary>
        public TileBuffer Rent()
        {
            lock (_free)
            {
                if (_free.Count > 0)
                    return _free.Pop();
                if (_made == _capacity)
                    return null;
                _made++;
            }
            return new TileBuffer();
        }

        /// <summary>Give a buffer back; how many came back since TakeReturned.</summary>
        public int Return(TileBuffer buffer)
        {
            lock (_free)
            {
                buffer.Map = null;
                _free.Push(buffer);
                return ++_returned;
            }
        }

        /// <summary>How many buffers came back since the last call: the credit owed to the server.</summary>
        public int TakeReturned()
        {
            lock (_free)
            {
                var returned = _returned;
                _returned = 0;
                return returned;
            }
        }
    }
}
