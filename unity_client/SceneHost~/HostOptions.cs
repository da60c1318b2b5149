using System;
using System.Globalization;
using Moulage.Core;

namespace Moulage.SceneHost
{
    /// <summary>The command line of SceneHost; docs/scene-host.md.</summary>
    sealed class HostOptions
    {
        public readonly LinkOptions Link = new LinkOptions { Name = "SceneHost" };
        public bool Once, Serve, Json;
        public double Seconds = double.PositiveInfinity;

        /// <summary>FormatException says which argument is wrong.</summary>
        public static HostOptions Read(string[] arguments)
        {
            var options = new HostOptions();
            string keys = null, endpoint = null;
            for (var i = 0; i < arguments.Length; i++)
            {
                switch (arguments[i])
                {
                    case "--once": options.Once = true; break;
                    case "--serve": options.Serve = true; break;
                    case "--json": options.Json = true; break;
                    case "--endpoint": endpoint = Next(arguments, ref i); break;
                    case "--name": options.Link.Name = Next(arguments, ref i); break;
                    case "--keys": keys = Next(arguments, ref i); break;
                    case "--codecs": options.Link.Codecs = Next(arguments, ref i); break;
                    case "--cache": options.Link.CacheFolder = Next(arguments, ref i); break;
                    case "--seconds": options.Seconds = Number(arguments, ref i, 0.001, 1e9); break;
                    case "--credits": options.Link.Credits = (int)Number(arguments, ref i, 1, 1024); break;
                    case "--budget-ms": options.Link.BudgetMs = Number(arguments, ref i, 0, 1000); break;
                    default: throw new FormatException($"{arguments[i]} is unknown");
                }
            }
            if (endpoint == null)
                throw new FormatException("--endpoint is missing; for example --endpoint tcp://127.0.0.1:5581");
            if (options.Once == options.Serve)
                throw new FormatException("one of --once and --serve is needed");
            if (Array.IndexOf(options.Link.Codecs.Split(','), "raw") < 0)
                throw new FormatException("--codecs must have raw among them");
            if (options.Link.Name.Length == 0 || options.Link.Name.Length > 32)
                throw new FormatException("--name must have 1 to 32 characters");
            options.Link.Endpoint = endpoint;
            options.Link.Keys = keys == null ? null : CurveKeys.FromFolder(keys);
            if (options.Once && double.IsPositiveInfinity(options.Seconds))
                options.Seconds = 30;
            return options;
        }

        static string Next(string[] arguments, ref int at)
        {
            if (at + 1 == arguments.Length)
                throw new FormatException($"{arguments[at]} needs a value");
            return arguments[++at];
        }

        static double Number(string[] arguments, ref int at, double low, double high)
        {
            var name = arguments[at];
            double value;
            if (!double.TryParse(Next(arguments, ref at), NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                || !(value >= low && value <= high))
                throw new FormatException($"{name} must be a number from {low} to {high}");
            return value;
        }
    }
}
