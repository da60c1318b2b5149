using System;
using System.IO;

namespace Moulage.Core
{
    /// <summary>A client's CURVE key pair and the public key of the server it may talk to; 32 bytes each.</summary>
    public sealed class CurveKeys
    {
        const string Alphabet =
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

        public readonly byte[] ServerPublic, ClientPublic, ClientSecret;

        /// <summary>From keys in Z85 (rfc.zeromq.org/spec/32): 40 characters each.</summary>
        public CurveKeys(string serverPublic, string clientPublic, string clientSecret)
        {
            ServerPublic = Decode("the server's public key", serverPublic);
            ClientPublic = Decode("the client's public key", clientPublic);
            ClientSecret = Decode("the client's secret key", clientSecret);
        }

        /// <summary>
        /// From the folder that `moulage keys create DIR` made for one client, DIR/clients/NAME, with client.secret, client.public
        /// and server.public; or from DIR, where there is but one client.
        /// </summary>
        public static CurveKeys FromFolder(string folder)
        {
            var clients = Path.Combine(folder, "clients");
            if (Directory.Exists(clients) && Directory.GetDirectories(clients).Length == 1)
                folder = Directory.GetDirectories(clients)[0];
            return new CurveKeys(
                Line(folder, "server.public"), Line(folder, "client.public"), Line(folder, "client.secret"));
        }

        static string Line(string folder, string name)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                throw new FormatException($"{path} is missing; `moulage keys create` makes a folder for each client");
            return File.ReadAllText(path);
        }

        static byte[] Decode(string what, string text)
        {
            var trimmed = text.Trim();
            var bytes = new byte[32];
            if (trimmed.Length != 40)
                throw new FormatException($"{what} has {trimmed.Length} characters; a key has 40");
            for (var group = 0; group < 8; group++)
            {
                var value = 0UL;
                for (var i = 0; i < 5; i++)
                {
                    var digit = Alphabet.IndexOf(trimmed[group * 5 + i]);
                    if (digit < 0)
                        throw new FormatException($"{what} has the character '{trimmed[group * 5 + i]}', which Z85 does not know");
                    value = value * 85 + (uint)digit;
                }
                if (value > uint.MaxValue)
                    throw new FormatException($"{what} is no Z85");
                for (var i = 0; i < 4; i++)
                    bytes[group * 4 + i] = (byte)(value >> 24 - 8 * i);
            }
            return bytes;
        }
    }
}
